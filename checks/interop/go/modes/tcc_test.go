package modes

import (
	"testing"

	"dtm4j/checks/interop/bank"

	"github.com/dtm-labs/client/dtmcli"
	"github.com/dtm-labs/client/dtmgrpc"
	"github.com/go-resty/resty/v2"
	"google.golang.org/protobuf/types/known/emptypb"
)

func transfer(tcc *dtmcli.Tcc, service, account string) (*resty.Response, error) {
	return tcc.CallBranch(bank.Transfer{Account: account, Amount: 30}, url(service+"Try"), url(service+"Confirm"), url(service+"Cancel"))
}

func transferGrpc(tcc *dtmgrpc.TccGrpc, service, account string) error {
	return tcc.CallBranch(bank.Transfer{Account: account, Amount: 30}.Proto(),
		method(service+"Try"), method(service+"Confirm"), method(service+"Cancel"), &emptypb.Empty{})
}

func tcc(stage *bank.Stage, out, in string) error {
	return dtmcli.TccGlobalTransaction(bank.HTTP, stage.Gid, func(tcc *dtmcli.Tcc) (*resty.Response, error) {
		if response, err := transfer(tcc, "TransOut", out); err != nil {
			return response, err
		}
		return transfer(tcc, "TransIn", in)
	})
}

func tccGrpc(stage *bank.Stage, out, in string) error {
	return dtmgrpc.TccGlobalTransaction2(bank.GRPC, stage.Gid, func(tcc *dtmgrpc.TccGrpc) { tcc.RetryInterval = 1 },
		func(tcc *dtmgrpc.TccGrpc) error {
			if err := transferGrpc(tcc, "TransOut", out); err != nil {
				return err
			}
			return transferGrpc(tcc, "TransIn", in)
		})
}

func TestA_TCC_over_HTTP_is_confirmed(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	check(t, tcc(stage, out, in))

	stage.Ends("succeed", "TransOutTry 01 try", "TransInTry 02 try", "TransInConfirm 02 confirm", "TransOutConfirm 01 confirm")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_refused_TCC_over_HTTP_is_cancelled(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	stage.On("TransInTry", bank.Refuse)

	refused(t, tcc(stage, out, in))

	stage.Ends("failed", "TransOutTry 01 try", "TransInTry 02 try", "TransInCancel 02 cancel", "TransOutCancel 01 cancel")
	bank.Balances(t, map[string]int{out: 100, in: 0})
}

func TestA_TCC_that_is_never_submitted_is_cancelled(t *testing.T) {
	stage, out := bank.NewStage(t), bank.Account(t, 100)
	abandoned := make(chan struct{})
	defer close(abandoned)

	go func() {
		_ = dtmcli.TccGlobalTransaction2(bank.HTTP, stage.Gid, func(tcc *dtmcli.Tcc) { tcc.TimeoutToFail = 3 },
			func(tcc *dtmcli.Tcc) (*resty.Response, error) {
				response, err := transfer(tcc, "TransOut", out)
				<-abandoned
				return response, err
			})
	}()

	stage.Ends("failed", "TransOutTry 01 try", "TransOutCancel 01 cancel")
	bank.Balances(t, map[string]int{out: 100})
}

// nest lets TransOutTry start the branch TransIn as its child.
func nest(stage *bank.Stage, in string) {
	stage.On("TransOutTry", func(call *bank.Call) error {
		if err := call.Move(); err != nil {
			return err
		}
		tcc, err := dtmcli.TccFromQuery(call.Query)
		if err == nil {
			_, err = transfer(tcc, "TransIn", in)
		}
		return err
	})
}

func nested(stage *bank.Stage, out string) error {
	return dtmcli.TccGlobalTransaction(bank.HTTP, stage.Gid, func(tcc *dtmcli.Tcc) (*resty.Response, error) {
		return transfer(tcc, "TransOut", out)
	})
}

func TestA_nested_TCC_over_HTTP_is_confirmed(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	nest(stage, in)

	check(t, nested(stage, out))

	stage.Ends("succeed", "TransOutTry 01 try", "TransInTry 0101 try", "TransInConfirm 0101 confirm", "TransOutConfirm 01 confirm")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_refused_child_cancels_its_nested_TCC(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	nest(stage, in)
	stage.On("TransInTry", bank.Refuse)

	refused(t, nested(stage, out))

	stage.Ends("failed", "TransOutTry 01 try", "TransInTry 0101 try", "TransInCancel 0101 cancel", "TransOutCancel 01 cancel")
	bank.Balances(t, map[string]int{out: 100, in: 0})
}

func TestA_TCC_over_gRPC_is_confirmed(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	check(t, tccGrpc(stage, out, in))

	stage.Ends("succeed", "TransOutTry 01 try", "TransInTry 02 try", "TransInConfirm 02 confirm", "TransOutConfirm 01 confirm")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_refused_TCC_over_gRPC_is_cancelled(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	stage.On("TransInTry", bank.Refuse)

	refused(t, dtmgrpc.GrpcError2DtmError(tccGrpc(stage, out, in)))

	stage.Ends("failed", "TransOutTry 01 try", "TransInTry 02 try", "TransInCancel 02 cancel", "TransOutCancel 01 cancel")
	bank.Balances(t, map[string]int{out: 100, in: 0})
}

func TestA_nested_TCC_over_gRPC_is_confirmed(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	stage.On("TransOutTry", func(call *bank.Call) error {
		if err := call.Move(); err != nil {
			return err
		}
		tcc, err := dtmgrpc.TccFromGrpc(call.Context)
		if err == nil {
			err = transferGrpc(tcc, "TransIn", in)
		}
		return err
	})

	check(t, dtmgrpc.TccGlobalTransaction(bank.GRPC, stage.Gid, func(tcc *dtmgrpc.TccGrpc) error {
		return transferGrpc(tcc, "TransOut", out)
	}))

	stage.Ends("succeed", "TransOutTry 01 try", "TransInTry 0101 try", "TransInConfirm 0101 confirm", "TransOutConfirm 01 confirm")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}
