package workflowgrpc

import (
	"testing"

	"dtm4j/checks/interop/bank"
	"dtm4j/checks/interop/flows"

	"github.com/dtm-labs/client/workflow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

// services is the connection to the services of the bank; its interceptor records what they answer to a step.
var services *grpc.ClientConn

func TestMain(m *testing.M) {
	flows.Main(m, func() {
		workflow.InitGrpc(bank.GRPC, bank.Host, bank.Server)
		var err error
		services, err = grpc.Dial(bank.Host, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithUnaryInterceptor(workflow.Interceptor))
		if err != nil {
			panic(err)
		}
	}, call)
}

func call(wf *workflow.Workflow, service string, what bank.Transfer) error {
	return services.Invoke(wf.Context, "/bank.Bank/"+service, what.Proto(), &emptypb.Empty{})
}

func TestA_workflow_over_gRPC_returns_its_result(t *testing.T) {
	flows.ReturnsItsResult(t)
}

func TestA_finished_workflow_over_gRPC_returns_its_result_again_and_runs_nothing(t *testing.T) {
	flows.Finished(t)
}

func TestA_refused_workflow_over_gRPC_is_rolled_back(t *testing.T) {
	flows.Refused(t)
}

func TestA_workflow_over_gRPC_goes_on_after_its_application_crashed(t *testing.T) {
	flows.Crashed(t)
}

func TestA_workflow_over_gRPC_that_crashed_at_its_end_repeats_no_step(t *testing.T) {
	flows.CrashedAtItsEnd(t)
}

func TestA_workflow_over_gRPC_whose_application_crashed_in_its_rollback_is_rolled_back(t *testing.T) {
	flows.CrashedInItsRollback(t)
}

func TestA_workflow_over_gRPC_of_XA_steps_commits_on_MariaDB(t *testing.T) {
	flows.XACommits(t)
}

func TestA_workflow_over_gRPC_of_XA_steps_is_rolled_back_on_MariaDB(t *testing.T) {
	flows.XARefused(t)
}
