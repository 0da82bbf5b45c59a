package modes

import (
	"database/sql"
	"errors"
	"testing"

	"dtm4j/checks/interop/bank"

	"github.com/dtm-labs/client/dtmcli"
	"github.com/dtm-labs/client/dtmgrpc"
)

// askedAfterSeconds is the age at which the server asks about a message that was not submitted.
const askedAfterSeconds = 5

// message takes money here, in the local transaction, and lets a message bring it to the other account.
func message(stage *bank.Stage, in string) *dtmcli.Msg {
	message := dtmcli.NewMsg(bank.HTTP, stage.Gid).Add(url("TransIn"), bank.Transfer{Account: in, Amount: 30})
	message.TimeoutToFail = askedAfterSeconds
	return message
}

func messageGrpc(stage *bank.Stage, in string) *dtmgrpc.MsgGrpc {
	message := dtmgrpc.NewMsgGrpc(bank.GRPC, stage.Gid).Add(method("TransIn"), bank.Transfer{Account: in, Amount: 30}.Proto())
	message.TimeoutToFail = askedAfterSeconds
	return message
}

func takeFrom(out string) dtmcli.BarrierBusiFunc {
	return func(tx *sql.Tx) error { return bank.Add(tx, out, -30) }
}

// checkBack answers the server's question as an application does.
func checkBack(stage *bank.Stage) {
	stage.On("QueryPrepared", func(call *bank.Call) error { return call.Barrier().QueryPrepared(bank.DB) })
}

func TestA_message_over_HTTP_follows_its_local_transaction(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	check(t, message(stage, in).DoAndSubmitDB(url("QueryPrepared"), bank.DB, takeFrom(out)))

	stage.Ends("succeed", "TransIn 01 action")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_message_whose_local_transaction_refuses_is_not_sent(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 20), bank.Account(t, 0)

	refused(t, message(stage, in).DoAndSubmitDB(url("QueryPrepared"), bank.DB, takeFrom(out)))

	stage.Ends("failed")
	bank.Balances(t, map[string]int{out: 20, in: 0})
}

func TestA_message_whose_local_transaction_broke_is_asked_about_by_the_client(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	checkBack(stage)
	broke := errors.New("connection lost")

	err := message(stage, in).DoAndSubmit(url("QueryPrepared"), func(bb *dtmcli.BranchBarrier) error {
		check(t, bb.CallWithDB(bank.DB, takeFrom(out)))
		return broke // after the commit
	})

	if err != broke {
		t.Errorf("error: %v, expected the one of the local transaction", err)
	}
	stage.Ends("succeed", "QueryPrepared 00 msg", "TransIn 01 action")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_message_over_HTTP_that_was_never_submitted_is_sent_after_a_check_back(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	checkBack(stage)

	check(t, message(stage, in).Prepare(url("QueryPrepared")))
	barrier, err := dtmcli.BarrierFrom("msg", stage.Gid, "00", "msg")
	check(t, err)
	check(t, barrier.CallWithDB(bank.DB, takeFrom(out)))

	stage.Ends("succeed", "QueryPrepared 00 msg", "TransIn 01 action")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_local_transaction_after_the_check_back_is_refused(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	checkBack(stage)

	check(t, message(stage, in).Prepare(url("QueryPrepared")))
	stage.Ends("failed", "QueryPrepared 00 msg")
	barrier, err := dtmcli.BarrierFrom("msg", stage.Gid, "00", "msg")
	check(t, err)
	if err := barrier.CallWithDB(bank.DB, takeFrom(out)); err != dtmcli.ErrDuplicated {
		t.Errorf("error: %v, expected %v", err, dtmcli.ErrDuplicated)
	}

	bank.Balances(t, map[string]int{out: 100, in: 0})
}

func TestA_message_over_gRPC_follows_its_local_transaction(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	check(t, messageGrpc(stage, in).DoAndSubmitDB(method("QueryPrepared"), bank.DB, takeFrom(out)))

	stage.Ends("succeed", "TransIn 01 action")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_message_over_gRPC_that_was_never_submitted_is_sent_after_a_check_back(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	checkBack(stage)

	check(t, messageGrpc(stage, in).Prepare(method("QueryPrepared")))
	barrier, err := dtmcli.BarrierFrom("msg", stage.Gid, "00", "msg")
	check(t, err)
	check(t, barrier.CallWithDB(bank.DB, takeFrom(out)))

	stage.Ends("succeed", "QueryPrepared 00 msg", "TransIn 01 action")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_message_over_gRPC_whose_local_transaction_never_came_is_given_up(t *testing.T) {
	stage, in := bank.NewStage(t), bank.Account(t, 0)
	checkBack(stage)

	check(t, messageGrpc(stage, in).Prepare(method("QueryPrepared")))

	stage.Ends("failed", "QueryPrepared 00 msg")
	bank.Balances(t, map[string]int{in: 0})
}

func TestA_message_after_a_local_transaction_in_Redis(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.RedisAccount(t, 100), bank.Account(t, 0)

	check(t, message(stage, in).DoAndSubmit(url("QueryPrepared"), func(bb *dtmcli.BranchBarrier) error {
		return bb.RedisCheckAdjustAmount(bank.Redis, out, -30, 3600)
	}))

	stage.Ends("succeed", "TransIn 01 action")
	bank.RedisBalances(t, map[string]int{out: 70})
	bank.Balances(t, map[string]int{in: 30})
}

func TestA_check_back_finds_the_local_transaction_in_Redis(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.RedisAccount(t, 100), bank.Account(t, 0)
	stage.On("QueryPrepared", func(call *bank.Call) error { return call.Barrier().RedisQueryPrepared(bank.Redis, 3600) })

	check(t, message(stage, in).Prepare(url("QueryPrepared")))
	barrier, err := dtmcli.BarrierFrom("msg", stage.Gid, "00", "msg")
	check(t, err)
	check(t, barrier.RedisCheckAdjustAmount(bank.Redis, out, -30, 3600))

	stage.Ends("succeed", "QueryPrepared 00 msg", "TransIn 01 action")
	bank.RedisBalances(t, map[string]int{out: 70})
	bank.Balances(t, map[string]int{in: 30})
}

func TestA_message_reaches_the_subscribers_of_its_topic(t *testing.T) {
	stage, one, two := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	topic := "topic-" + stage.Gid
	stage.On("Welcome", func(call *bank.Call) error {
		return call.Barrier().CallWithDB(bank.DB, func(tx *sql.Tx) error { return bank.Add(tx, one, call.Amount) })
	})
	for _, service := range []string{"Welcome", "TransIn"} {
		response, err := dtmcli.GetRestyClient().R().
			SetQueryParams(map[string]string{"topic": topic, "url": url(service)}).Get(bank.HTTP + "/subscribe")
		if err != nil || response.StatusCode() != 200 {
			t.Fatal(err, response)
		}
	}

	check(t, dtmcli.NewMsg(bank.HTTP, stage.Gid).AddTopic(topic, bank.Transfer{Account: two, Amount: 30}).Submit())

	stage.EndsInAnyOrder("succeed", "TransIn 01-02 action", "Welcome 01-01 action")
	bank.Balances(t, map[string]int{one: 130, two: 30})
}
