package modes

import (
	"errors"
	"testing"

	"dtm4j/checks/interop/bank"
)

const daySeconds = 24 * 3600

// inRedis moves money between accounts in Redis.
func inRedis(call *bank.Call) error {
	sign := map[string]int{"TransOut": -1, "TransOutRevert": 1, "TransIn": 1, "TransInRevert": -1}[call.Service]
	return call.Barrier().RedisCheckAdjustAmount(bank.Redis, call.Account, sign*call.Amount, daySeconds)
}

func everyServiceInRedis(stage *bank.Stage) {
	for _, service := range []string{"TransOut", "TransOutRevert", "TransIn", "TransInRevert"} {
		stage.On(service, inRedis)
	}
}

// losesAnswer does the work and loses the first answer.
func losesAnswer(work bank.Handler) bank.Handler {
	return func(call *bank.Call) error {
		err := work(call)
		if err == nil && call.Nth == 1 {
			return errors.New("the answer got lost")
		}
		return err
	}
}

// overtaken submits a saga in which the compensation of TransOut comes before its action: that one gives no answer in
// time and works only when the compensation has done so. Returns once both have.
func overtaken(t *testing.T, stage *bank.Stage, out, in string, work bank.Handler) {
	compensated, late := make(chan struct{}), make(chan error, 1)
	stage.On("TransOut", func(call *bank.Call) error {
		<-compensated
		err := work(call)
		late <- err
		return err
	})
	stage.On("TransOutRevert", func(call *bank.Call) error {
		defer close(compensated)
		return work(call)
	})
	stage.On("TransIn", bank.Refuse)

	saga := saga(stage, out, in).SetConcurrent()
	saga.WaitResult, saga.RequestTimeout = false, 2

	check(t, saga.Submit())

	stage.EndsInAnyOrder("failed", "TransOut 01 action", "TransOutRevert 01 compensate", "TransIn 02 action", "TransInRevert 02 compensate")
	check(t, <-late)
}

func TestA_repeated_action_works_once_in_MariaDB(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	stage.On("TransIn", losesAnswer((*bank.Call).Move))
	saga := saga(stage, out, in)
	saga.WaitResult, saga.RetryInterval = false, 1

	check(t, saga.Submit())

	stage.Ends("succeed", "TransOut 01 action", "TransIn 02 action", "TransIn 02 action")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestA_repeated_confirm_over_gRPC_works_once_in_MariaDB(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)
	stage.On("TransInConfirm", losesAnswer((*bank.Call).Move))

	check(t, tccGrpc(stage, out, in))

	stage.Ends("succeed", "TransOutTry 01 try", "TransInTry 02 try",
		"TransInConfirm 02 confirm", "TransInConfirm 02 confirm", "TransOutConfirm 01 confirm")
	bank.Balances(t, map[string]int{out: 70, in: 30})
}

func TestAn_action_that_its_compensation_overtook_does_nothing_in_MariaDB(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.Account(t, 100), bank.Account(t, 0)

	overtaken(t, stage, out, in, (*bank.Call).Move)

	bank.Balances(t, map[string]int{out: 100, in: 0})
}

func TestA_saga_moves_money_in_Redis(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.RedisAccount(t, 100), bank.RedisAccount(t, 0)
	everyServiceInRedis(stage)

	check(t, saga(stage, out, in).Submit())

	stage.Ends("succeed", "TransOut 01 action", "TransIn 02 action")
	bank.RedisBalances(t, map[string]int{out: 70, in: 30})
}

func TestA_refused_saga_is_compensated_in_Redis(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.RedisAccount(t, 100), bank.RedisAccount(t, 50)
	everyServiceInRedis(stage)
	stage.On("TransIn", bank.Refuse)

	refused(t, saga(stage, out, in).Submit())

	stage.Ends("failed", "TransOut 01 action", "TransIn 02 action", "TransInRevert 02 compensate", "TransOutRevert 01 compensate")
	bank.RedisBalances(t, map[string]int{out: 100, in: 50})
}

func TestA_saga_over_gRPC_without_enough_money_changes_nothing_in_Redis(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.RedisAccount(t, 20), bank.RedisAccount(t, 0)
	everyServiceInRedis(stage)

	if err := sagaGrpc(stage, out, in).Submit(); err == nil {
		t.Error("the saga was not refused")
	}

	stage.Ends("failed", "TransOut 01 action", "TransOutRevert 01 compensate")
	bank.RedisBalances(t, map[string]int{out: 20, in: 0})
}

func TestA_repeated_action_works_once_in_Redis(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.RedisAccount(t, 100), bank.RedisAccount(t, 0)
	everyServiceInRedis(stage)
	stage.On("TransIn", losesAnswer(inRedis))
	saga := saga(stage, out, in)
	saga.WaitResult, saga.RetryInterval = false, 1

	check(t, saga.Submit())

	stage.Ends("succeed", "TransOut 01 action", "TransIn 02 action", "TransIn 02 action")
	bank.RedisBalances(t, map[string]int{out: 70, in: 30})
}

func TestAn_action_that_its_compensation_overtook_does_nothing_in_Redis(t *testing.T) {
	stage, out, in := bank.NewStage(t), bank.RedisAccount(t, 100), bank.RedisAccount(t, 50)
	everyServiceInRedis(stage)

	overtaken(t, stage, out, in, inRedis)

	bank.RedisBalances(t, map[string]int{out: 100, in: 50})
}
