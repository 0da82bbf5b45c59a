package modes

import (
	"strings"
	"testing"

	"dtm4j/checks/interop/bank"
)

func TestMain(m *testing.M) {
	bank.Main(m, func() {})
}

// url is the address of a service over HTTP, method the same over gRPC.
func url(service string) string    { return bank.Web + "/" + service }
func method(service string) string { return bank.Host + "/bank.Bank/" + service }

// refused asserts that a transaction told its caller that it was rolled back.
func refused(t *testing.T, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "FAILURE") {
		t.Errorf("error: %v, expected one with FAILURE", err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
