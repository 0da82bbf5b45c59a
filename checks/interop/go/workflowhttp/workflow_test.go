package workflowhttp

import (
	"io"
	"net/http"
	"testing"

	"dtm4j/checks/interop/bank"
	"dtm4j/checks/interop/flows"

	"github.com/dtm-labs/client/dtmcli"
	"github.com/dtm-labs/client/workflow"
)

func TestMain(m *testing.M) {
	flows.Main(m, func() {
		workflow.InitHTTP(bank.HTTP, bank.Web+"/resume")
		bank.Mux.HandleFunc("/resume", resume)
	}, call)
}

func resume(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err == nil {
		err = workflow.ExecuteByQS(r.URL.Query(), data)
	}
	code, _ := dtmcli.Result2HttpJSON(err)
	w.WriteHeader(code)
}

func call(wf *workflow.Workflow, service string, what bank.Transfer) error {
	_, err := wf.NewRequest().SetBody(what).Post(bank.Web + "/" + service)
	return err
}

func TestA_workflow_over_HTTP_returns_its_result(t *testing.T) {
	flows.ReturnsItsResult(t)
}

func TestA_finished_workflow_over_HTTP_returns_its_result_again_and_runs_nothing(t *testing.T) {
	flows.Finished(t)
}

func TestA_refused_workflow_over_HTTP_is_rolled_back(t *testing.T) {
	flows.Refused(t)
}

func TestA_workflow_over_HTTP_goes_on_after_its_application_crashed(t *testing.T) {
	flows.Crashed(t)
}

func TestA_workflow_over_HTTP_that_crashed_at_its_end_repeats_no_step(t *testing.T) {
	flows.CrashedAtItsEnd(t)
}

func TestA_workflow_over_HTTP_whose_application_crashed_in_its_rollback_is_rolled_back(t *testing.T) {
	flows.CrashedInItsRollback(t)
}

func TestA_workflow_over_HTTP_of_XA_steps_commits_on_MariaDB(t *testing.T) {
	flows.XACommits(t)
}

func TestA_workflow_over_HTTP_of_XA_steps_is_rolled_back_on_MariaDB(t *testing.T) {
	flows.XARefused(t)
}
