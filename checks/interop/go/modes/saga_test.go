package modes

import (
	"strings"
	"testing"

	"dtm4j/checks/interop/bank"

	"github.com/dtm-labs/client/dtmcli"
	"github.com/dtm-labs/client/dtmcli/dtmimp"
	"github.com/dtm-labs/client/dtmgrpc"
)

func saga(stage *bank.Stage, out, in string) *dtmcli.Saga {
	saga := dtmcli.NewSaga(bank.HTTP, stage.Gid).
		Add(url("TransOut"), url("TransOutRevert"), bank.Transfer{Account: out, Amount: 30}).
		Add(url("TransIn"), url("TransInRevert"), bank.Transfer{Account: in, Amount: 30})
	saga.WaitResult = true
	return saga
}

func sagaGrpc(stage *bank.Stage, out, in string) *dtmgrpc.SagaGrpc {
	saga := dtmgrpc.NewSagaGrpc(bank.GRPC, stage.Gid).
		Add(method("TransOut"), method("TransOutRevert"), bank.Transfer{Account: out, Amount: 30}.Proto()).
		Add(method("TransIn"), method("TransInRevert"), bank.Transfer{Account: in, Amount: 30}.Proto())
	saga.WaitResult = true
	return saga
}

func TestA_saga_over_HTTP_moves_money(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	check(t, saga(stage, out, in).Submit())

	stage.Ends("succeed", "TransOut 01 action", "TransIn 02 action")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_refused_saga_over_HTTP_is_compensated(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	stage.On("TransIn", bank.Refuse)

	refused(t, saga(stage, out, in).Submit())

	stage.Ends("failed", "TransOut 01 action", "TransIn 02 action", "TransInRevert 02 compensate", "TransOutRevert 01 compensate")
	bank.Balances(t, map[string]int{out: 100, in: 0})
}

func TestA_saga_without_enough_money_changes_nothing(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 20), bank.Account(t, 0)

	refused(t, saga(stage, out, in).Submit())

	stage.Ends("failed", "TransOut 01 action", "TransOutRevert 01 compensate")
	bank.Balances(t, map[string]int{out: 20, in: 0})
}

func TestA_saga_that_was_not_waited_for_ends_by_itself(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	saga := saga(stage, out, in)
	saga.WaitResult = false

	check(t, saga.Submit())

	stage.Ends("succeed", "TransOut 01 action", "TransIn 02 action")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_concurrent_saga_keeps_the_order_that_was_asked_for(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	check(t, saga(stage, out, in).
		Add(url("TransOut"), url("TransOutRevert"), bank.Transfer{Account: out, Amount: 5}).
		SetConcurrent().AddBranchOrder(0, []int{1}).AddBranchOrder(1, []int{2}).Submit())

	stage.Ends("succeed", "TransOut 03 action", "TransIn 02 action", "TransOut 01 action")
	bank.Balances(t, map[string]int{out: 65, in: 30})
}

func TestA_saga_over_JSON_RPC_moves_money(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	saga := saga(stage, out, in)
	saga.Protocol = dtmimp.Jrpc
	saga.Dtm = strings.Replace(bank.HTTP, "/api/dtmsvr", "/api/json-rpc", 1)

	check(t, saga.Submit())

	stage.Ends("succeed", "TransOut 01 action", "TransIn 02 action")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_saga_over_gRPC_moves_money(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	check(t, sagaGrpc(stage, out, in).Submit())

	stage.Ends("succeed", "TransOut 01 action", "TransIn 02 action")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_refused_saga_over_gRPC_is_compensated(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	stage.On("TransIn", bank.Refuse)

	refused(t, dtmgrpc.GrpcError2DtmError(sagaGrpc(stage, out, in).Submit()))

	stage.Ends("failed", "TransOut 01 action", "TransIn 02 action", "TransInRevert 02 compensate", "TransOutRevert 01 compensate")
	bank.Balances(t, map[string]int{out: 100, in: 0})
}

func TestA_saga_over_gRPC_may_have_branches_over_HTTP(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	saga := sagaGrpc(stage, out, in)
	saga.Steps = append(saga.Steps, map[string]string{"action": url("TransIn"), "compensate": url("TransInRevert")})
	saga.BinPayloads = append(saga.BinPayloads, dtmimp.MustMarshal(bank.Transfer{Account: in, Amount: 2}))

	check(t, saga.Submit())

	stage.Ends("succeed", "TransOut 01 action", "TransIn 02 action", "TransIn 03 action")
	bank.Balances(t, map[string]int{out: 70, in: 32})
}
