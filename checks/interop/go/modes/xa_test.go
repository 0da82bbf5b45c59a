package modes

import (
	"testing"

	"dtm4j/checks/interop/bank"

	"github.com/dtm-labs/client/dtmcli"
	"github.com/dtm-labs/client/dtmgrpc"
	"github.com/go-resty/resty/v2"
	"google.golang.org/protobuf/types/known/emptypb"
)

func xa(stage *bank.Stage, out, in string) error {
	return dtmcli.XaGlobalTransaction2(bank.HTTP, stage.Gid, func(xa *dtmcli.Xa) { xa.WaitResult = true },
		func(xa *dtmcli.Xa) (*resty.Response, error) {
			if response, err := xa.CallBranch(bank.Transfer{Account: out, Amount: 30}, url("TransOut")); err != nil {
				return response, err
			}
			return xa.CallBranch(bank.Transfer{Account: in, Amount: 30}, url("TransIn"))
		})
}

func xaGrpc(stage *bank.Stage, out, in string) error {
	return dtmgrpc.XaGlobalTransaction2(bank.GRPC, stage.Gid, func(xa *dtmgrpc.XaGrpc) { xa.WaitResult = true },
		func(xa *dtmgrpc.XaGrpc) error {
			if err := xa.CallBranch(bank.Transfer{Account: out, Amount: 30}.Proto(), method("TransOut"), &emptypb.Empty{}); err != nil {
				return err
			}
			return xa.CallBranch(bank.Transfer{Account: in, Amount: 30}.Proto(), method("TransIn"), &emptypb.Empty{})
		})
}

// nothingPrepared asserts that MariaDB holds no XA branch of the transaction.
func nothingPrepared(t *testing.T, stage *bank.Stage) {
	t.Helper()
	rows, err := bank.DB.Query("xa recover")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var format, gtrid, bqual int
		var xid string
		if err := rows.Scan(&format, &gtrid, &bqual, &xid); err != nil {
			t.Fatal(err)
		}
		if len(xid) > len(stage.Gid) && xid[:len(stage.Gid)] == stage.Gid {
			t.Errorf("%s is still prepared", xid)
		}
	}
}

func TestAn_XA_over_HTTP_commits_on_MariaDB(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	check(t, xa(stage, out, in))

	stage.Ends("succeed", "TransOut 01 action", "TransIn 02 action", "TransOut 01 commit", "TransIn 02 commit")
	nothingPrepared(t, stage)
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_refused_XA_over_HTTP_is_rolled_back_on_MariaDB(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	stage.On("TransIn", bank.Refuse)

	refused(t, xa(stage, out, in))

	stage.Ends("failed", "TransOut 01 action", "TransIn 02 action", "TransOut 01 rollback")
	nothingPrepared(t, stage)
	bank.Balances(t, map[string]int{out: 100, in: 0})
}

func TestAn_XA_over_gRPC_commits_on_MariaDB(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	check(t, xaGrpc(stage, out, in))

	stage.Ends("succeed", "TransOut 01 action", "TransIn 02 action", "TransOut 01 commit", "TransIn 02 commit")
	nothingPrepared(t, stage)
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_refused_XA_over_gRPC_is_rolled_back_on_MariaDB(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 10), bank.Account(t, 0)

	refused(t, dtmgrpc.GrpcError2DtmError(dtmgrpc.XaGlobalTransaction(bank.GRPC, stage.Gid, func(xa *dtmgrpc.XaGrpc) error {
		if err := xa.CallBranch(bank.Transfer{Account: in, Amount: 30}.Proto(), method("TransIn"), &emptypb.Empty{}); err != nil {
			return err
		}
		return xa.CallBranch(bank.Transfer{Account: out, Amount: 30}.Proto(), method("TransOut"), &emptypb.Empty{})
	})))

	stage.Ends("failed", "TransIn 01 action", "TransOut 02 action", "TransIn 01 rollback")
	nothingPrepared(t, stage)
	bank.Balances(t, map[string]int{out: 10, in: 0})
}
