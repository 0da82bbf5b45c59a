// Package flows holds the workflows of the bank and what must be true of them over HTTP and over gRPC alike. Each protocol
// has a package of its own for them, because a process of the client library speaks only one.
package flows

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"testing"

	"dtm4j/checks/interop/bank"

	"github.com/dtm-labs/client/dtmcli"
	"github.com/dtm-labs/client/workflow"
)

// resumeSeconds is the time after which the server resumes an unfinished workflow: long enough for an application to
// start and to crash on a busy machine.
const resumeSeconds = 5

// Call asks a service of the bank, as a step of a workflow or to undo one.
type Call func(wf *workflow.Workflow, service string, what bank.Transfer) error

// data is what the workflows are started with.
type data struct {
	Out, In string
	Amount  int
}

// Main runs the tests of a package: prepare initialises the client library, call is its way to call a service. In the
// process that is to crash it runs a workflow instead.
func Main(m *testing.M, prepare func(), call Call) {
	bank.Main(m, func() {
		prepare()
		register("transfer", func(wf *workflow.Workflow, what data) ([]byte, error) { return transfer(wf, what, call) })
		register("xa", transferByXA)
		if gid, data := bank.Crashing(); gid != "" {
			_, err := workflow.ExecuteCtx(context.Background(), "transfer", gid, data)
			panic(err) // it should have crashed
		}
	})
}

func register(name string, handler func(wf *workflow.Workflow, what data) ([]byte, error)) {
	parsed := func(wf *workflow.Workflow, bytes []byte) ([]byte, error) {
		var what data
		if err := json.Unmarshal(bytes, &what); err != nil {
			return nil, err
		}
		return handler(wf, what)
	}
	if err := workflow.Register2(name, parsed, func(wf *workflow.Workflow) { wf.RetryInterval = resumeSeconds }); err != nil {
		panic(err)
	}
}

// transfer calls both services, each with its undoing, and takes a fee in a step of its own.
func transfer(wf *workflow.Workflow, what data, call Call) ([]byte, error) {
	step := func(service, account string) error {
		move := bank.Transfer{Account: account, Amount: what.Amount}
		wf.NewBranch().OnRollback(func(*dtmcli.BranchBarrier) error {
			bank.CrashHere("rollback")
			return call(wf, service+"Revert", move)
		})
		return call(wf, service, move)
	}
	if err := step("TransOut", what.Out); err != nil {
		return nil, err
	}
	bank.CrashHere("between the steps")
	if err := step("TransIn", what.In); err != nil {
		return nil, err
	}
	fee, err := wf.NewBranch().Do(func(bb *dtmcli.BranchBarrier) ([]byte, error) {
		return []byte("fee 1"), bb.CallWithDB(bank.DB, func(tx *sql.Tx) error { return bank.Add(tx, what.In, -1) })
	})
	bank.CrashHere("before the end")
	return fee, err
}

// transferByXA does both steps as XA transactions on MariaDB.
func transferByXA(wf *workflow.Workflow, what data) ([]byte, error) {
	add := func(account string, amount int) error {
		_, err := wf.NewBranch().DoXa(bank.DBConf, func(db *sql.DB) ([]byte, error) {
			return nil, bank.Add(db, account, amount)
		})
		return err
	}
	if err := add(what.In, what.Amount); err != nil {
		return nil, err
	}
	return nil, add(what.Out, -what.Amount)
}

func transferOf30(out, in string) []byte {
	bytes, err := json.Marshal(data{Out: out, In: in, Amount: 30})
	if err != nil {
		panic(err)
	}
	return bytes
}

func execute(name string, stage *bank.Stage, data []byte) ([]byte, error) {
	return workflow.ExecuteCtx(context.Background(), name, stage.Gid, data)
}

// expect asserts how a workflow ended for its caller; an empty result stands for a failure.
func expect(t *testing.T, result string, got []byte, err error) {
	t.Helper()
	if result == "" && !errors.Is(err, dtmcli.ErrFailure) {
		t.Errorf("result %q, error %v; expected %v", got, err, dtmcli.ErrFailure)
	}
	if result != "" && (err != nil || string(got) != result) {
		t.Errorf("result %q, error %v; expected %q", got, err, result)
	}
}

// ReturnsItsResult runs a workflow to its end.
func ReturnsItsResult(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	got, err := execute("transfer", stage, transferOf30(out, in))

	expect(t, "fee 1", got, err)
	stage.Ends("succeed", "TransOut 01 action", "TransIn 02 action")
	bank.Balances(t, map[string]int{out: 70, in: 29})
}

// Finished executes a finished workflow again.
func Finished(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	_, _ = execute("transfer", stage, transferOf30(out, in))
	got, err := execute("transfer", stage, transferOf30(out, in))

	expect(t, "fee 1", got, err)
	stage.Ends("succeed", "TransOut 01 action", "TransIn 02 action")
	bank.Balances(t, map[string]int{out: 70, in: 29})
}

// Refused lets the second service refuse.
func Refused(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	stage.On("TransIn", bank.Refuse)

	got, err := execute("transfer", stage, transferOf30(out, in))

	expect(t, "", got, err)
	stage.Ends("failed", "TransOut 01 action", "TransIn 02 action", "TransOutRevert 01 rollback")
	bank.Balances(t, map[string]int{out: 100, in: 0})
}

// Crashed lets the application crash after the first step.
func Crashed(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	bank.Crash(t, stage.Gid, transferOf30(out, in), "between the steps")

	stage.Ends("succeed", "TransOut 01 action", "TransIn 02 action")
	bank.Balances(t, map[string]int{out: 70, in: 29})
	got, err := execute("transfer", stage, transferOf30(out, in))
	expect(t, "fee 1", got, err)
}

// CrashedAtItsEnd lets it crash when only the end is not stored yet.
func CrashedAtItsEnd(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	bank.Crash(t, stage.Gid, transferOf30(out, in), "before the end")

	stage.Ends("succeed", "TransOut 01 action", "TransIn 02 action")
	bank.Balances(t, map[string]int{out: 70, in: 29})
}

// CrashedInItsRollback lets it crash between a refused step and the undoing of the one before it.
func CrashedInItsRollback(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	stage.On("TransIn", bank.Refuse)

	bank.Crash(t, stage.Gid, transferOf30(out, in), "rollback")

	stage.Ends("failed", "TransOut 01 action", "TransIn 02 action", "TransOutRevert 01 rollback")
	bank.Balances(t, map[string]int{out: 100, in: 0})
}

// XACommits runs a workflow of XA steps.
func XACommits(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	_, err := execute("xa", stage, transferOf30(out, in))

	if err != nil {
		t.Error(err)
	}
	stage.Ends("succeed")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

// XARefused refuses the second XA step for want of money.
func XARefused(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 20), bank.Account(t, 0)

	got, err := execute("xa", stage, transferOf30(out, in))

	expect(t, "", got, err)
	stage.Ends("failed")
	bank.Balances(t, map[string]int{out: 20, in: 0})
}
