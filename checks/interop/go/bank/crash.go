package bank

import (
	"os"
	"os/exec"
	"testing"
)

const crashed = 17

// Crash runs this program once more, as an application that must end by CrashHere. It shares the addresses of the
// services with this one, which is so the one that the server calls when the application is no more.
func Crash(t *testing.T, gid string, data []byte, place string) {
	t.Helper()
	app := exec.Command(os.Args[0])
	app.Env = append(os.Environ(), "BANK_WEB="+Web, "BANK_HOST="+Host,
		"CRASHING_GID="+gid, "CRASHING_DATA="+string(data), "CRASHING_PLACE="+place)
	output, err := app.CombinedOutput()
	if code := app.ProcessState.ExitCode(); code != crashed {
		t.Fatalf("the application did not crash: %v, %s", err, output)
	}
}

// Crashing is the gid and the data of the application that is to crash; none in the process of the tests.
func Crashing() (gid string, data []byte) {
	return os.Getenv("CRASHING_GID"), []byte(os.Getenv("CRASHING_DATA"))
}

// CrashHere ends a process that Crash has started for this place, at once and without clearing anything up.
func CrashHere(place string) {
	if os.Getenv("CRASHING_PLACE") == place {
		os.Exit(crashed)
	}
}
