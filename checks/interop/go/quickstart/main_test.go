package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestMain is the command itself when it is told so.
func TestMain(m *testing.M) {
	if os.Getenv("QUICKSTART") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// quickstart runs the command as users do, and returns what it prints below the gid, which is looked up in the server.
func quickstart(t *testing.T, status string, options ...string) []string {
	t.Helper()
	command := exec.Command(os.Args[0], append([]string{"--dtm", os.Getenv("DTM_GRPC")}, options...)...)
	command.Env = append(os.Environ(), "QUICKSTART=yes")
	output, err := command.CombinedOutput()
	gid := regexp.MustCompile(`gid: (.*)\n`).FindSubmatch(output)
	if err != nil || gid == nil {
		t.Fatal(err, string(output))
	}
	response, err := http.Get(os.Getenv("DTM_HTTP") + "/query?gid=" + string(gid[1]))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ Transaction struct{ Status string } }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Transaction.Status != status {
		t.Errorf("status %q (%v), expected %s", answer.Transaction.Status, err, status)
	}
	return strings.Split(strings.TrimSpace(strings.Replace(string(output), string(gid[0]), "", 1)), "\n")
}

func expect(t *testing.T, lines []string, expected ...string) {
	t.Helper()
	if got, want := strings.Join(lines, "\n"), strings.Join(expected, "\n"); got != want {
		t.Errorf("printed:\n%s\nexpected:\n%s", got, want)
	}
}

func TestThe_quick_start_prints_its_result(t *testing.T) {
	lines := quickstart(t, "succeed")

	expect(t, lines, "/busi.Busi/TransOut 30", "/busi.Busi/TransIn 30", "result: transferred 30", "error: <nil>")
}

func TestThe_quick_start_reverts_TransOut_when_TransIn_refuses(t *testing.T) {
	lines := quickstart(t, "failed", "--TransInResult", "FAILURE")

	expect(t, lines, "/busi.Busi/TransOut 30", "/busi.Busi/TransIn 30", "/busi.Busi/TransOutRevert 30", "result: ", "error: no such account. FAILURE")
}
