package bank

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dtm-labs/client/dtmcli"
	"github.com/dtm-labs/client/dtmgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// finalLimit is how long a transaction may take to its end; the longest waits for a check-back or two repeats.
const finalLimit = 40 * time.Second

var (
	// Web is the base address of the services over HTTP: Web + "/TransOut".
	Web = os.Getenv("BANK_WEB")
	// Host is their address over gRPC: Host + "/bank.Bank/TransOut".
	Host = os.Getenv("BANK_HOST")

	// Mux and Server take what else an application answers, such as the resume of a workflow, before Main serves them.
	Mux    = http.NewServeMux()
	Server = grpc.NewServer(grpc.UnknownServiceHandler(overGRPC))

	stages sync.Map // by gid
)

// Main runs the tests of a package, with the services listening. In a process that got the addresses of another one's
// services by BANK_WEB and BANK_HOST nothing listens.
func Main(m *testing.M, prepare func()) {
	if Web == "" {
		web, host := listen(), listen()
		Web, Host = "http://"+web.Addr().String(), host.Addr().String()
		Mux.HandleFunc("/", overHTTP)
		prepare()
		go func() { panic(http.Serve(web, Mux)) }()
		go func() { panic(Server.Serve(host)) }()
	} else {
		prepare()
	}
	os.Exit(m.Run())
}

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	return listener
}

// Stage is one transaction and what the services were asked about it. Safe for use by several goroutines.
type Stage struct {
	Gid string

	t        *testing.T
	lock     sync.Mutex
	calls    []string
	handlers map[string]Handler
}

// Handler answers a call: nil, dtmcli.ErrFailure, dtmcli.ErrOngoing or another error.
type Handler func(call *Call) error

// Call is what a service was asked.
type Call struct {
	Service string
	Query   url.Values      // gid, trans_type, branch_id, op and dtm, over gRPC as well
	Context context.Context // of a call over gRPC; nil over HTTP
	Transfer
	// Nth is 1 when this service is called for the first time in this transaction.
	Nth int
}

// Transfer is the payload of all branches.
type Transfer struct {
	Account string `json:"account"`
	Amount  int    `json:"amount"`
}

// Proto is the same for a branch over gRPC.
func (p Transfer) Proto() *structpb.Struct {
	message, err := structpb.NewStruct(map[string]interface{}{"account": p.Account, "amount": p.Amount})
	if err != nil {
		panic(err)
	}
	return message
}

// NewStage begins the transaction of a test, which may run beside others.
func NewStage(t *testing.T) *Stage {
	t.Parallel()
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	s := &Stage{Gid: "go-" + hex.EncodeToString(random), t: t, handlers: map[string]Handler{}}
	stages.Store(s.Gid, s)
	return s
}

// On answers calls of a service with handler instead of moving money.
func (s *Stage) On(service string, handler Handler) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.handlers[service] = handler
}

// Ends waits for the final status, asserts it, and that the services were called exactly so ("TransOut 01 action"), in
// this order.
func (s *Stage) Ends(status string, calls ...string) {
	s.t.Helper()
	s.ends(status)
	s.compare(calls, s.called())
}

// EndsInAnyOrder asserts the same, but for the order of the calls.
func (s *Stage) EndsInAnyOrder(status string, calls ...string) {
	s.t.Helper()
	s.ends(status)
	called := s.called()
	sort.Strings(calls)
	sort.Strings(called)
	s.compare(calls, called)
}

func (s *Stage) called() []string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return append([]string{}, s.calls...)
}

func (s *Stage) compare(expected, got []string) {
	s.t.Helper()
	if !(len(expected) == 0 && len(got) == 0) && !reflect.DeepEqual(expected, got) {
		s.t.Errorf("calls:\n  %s\nexpected:\n  %s", strings.Join(got, "\n  "), strings.Join(expected, "\n  "))
	}
}

func (s *Stage) ends(expected string) {
	s.t.Helper()
	var answer struct{ Transaction struct{ Status string } }
	for end := time.Now().Add(finalLimit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		response, err := http.Get(HTTP + "/query?gid=" + s.Gid)
		if err != nil {
			s.t.Fatal(err)
		}
		err = json.NewDecoder(response.Body).Decode(&answer)
		_ = response.Body.Close()
		if err != nil {
			s.t.Fatal(err)
		}
		if got := answer.Transaction.Status; got == dtmcli.StatusSucceed || got == dtmcli.StatusFailed {
			if got != expected {
				s.t.Errorf("status %s, expected %s", got, expected)
			}
			return
		}
	}
	s.t.Fatalf("still %q after %s, expected %s; calls: %q", answer.Transaction.Status, finalLimit, expected, s.called())
}

func overHTTP(w http.ResponseWriter, r *http.Request) {
	call := &Call{Service: strings.TrimPrefix(r.URL.Path, "/"), Query: r.URL.Query()}
	body, err := io.ReadAll(r.Body)
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &call.Transfer)
	}
	if err == nil {
		err = answer(call)
	}
	code, result := dtmcli.Result2HttpJSON(err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(result)
}

func overGRPC(_ interface{}, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	metadata, _ := metadata.FromIncomingContext(stream.Context())
	call := &Call{Service: strings.TrimPrefix(method, "/bank.Bank/"), Query: url.Values{}, Context: stream.Context()}
	for _, name := range []string{"gid", "trans_type", "branch_id", "op", "dtm"} {
		call.Query[name] = metadata.Get("dtm-" + name)
	}
	var message structpb.Struct
	if err := stream.RecvMsg(&message); err != nil {
		return err
	}
	call.Account = message.Fields["account"].GetStringValue()
	call.Amount = int(message.Fields["amount"].GetNumberValue())
	if err := answer(call); err != nil {
		return dtmgrpc.DtmError2GrpcError(err)
	}
	return stream.SendMsg(&emptypb.Empty{})
}

func answer(call *Call) error {
	found, ok := stages.Load(call.Query.Get("gid"))
	if !ok {
		return status.Error(codes.NotFound, "no such transaction")
	}
	s := found.(*Stage)
	s.lock.Lock()
	s.calls = append(s.calls, call.Service+" "+call.Query.Get("branch_id")+" "+call.Query.Get("op"))
	for _, earlier := range s.calls {
		if strings.HasPrefix(earlier, call.Service+" ") {
			call.Nth++
		}
	}
	handler := s.handlers[call.Service]
	s.lock.Unlock()
	if handler == nil {
		handler = (*Call).Move
	}
	return handler(call)
}

// What each service does to an account.
var services = map[string]func(db dtmcli.DB, account string, amount int) error{
	"TransOut":        take,
	"TransOutRevert":  Add,
	"TransIn":         Add,
	"TransInRevert":   take,
	"TransOutTry":     func(db dtmcli.DB, account string, amount int) error { return Reserve(db, account, -amount) },
	"TransOutConfirm": func(db dtmcli.DB, account string, amount int) error { return Confirm(db, account, -amount) },
	"TransOutCancel":  Reserve,
	"TransInTry":      Reserve,
	"TransInConfirm":  Confirm,
	"TransInCancel":   func(db dtmcli.DB, account string, amount int) error { return Reserve(db, account, -amount) },
}

func take(db dtmcli.DB, account string, amount int) error { return Add(db, account, -amount) }

// Move does what the name of the service says: inside an XA branch, or behind a barrier.
func (call *Call) Move() error {
	move := services[call.Service]
	switch {
	case move == nil:
		return fmt.Errorf("no such service: %s", call.Service)
	case call.Query.Get("trans_type") == "xa" && call.Context != nil:
		return dtmgrpc.XaLocalTransaction(call.Context, DBConf, func(db *sql.DB, _ *dtmgrpc.XaGrpc) error {
			return move(db, call.Account, call.Amount)
		})
	case call.Query.Get("trans_type") == "xa":
		return dtmcli.XaLocalTransaction(call.Query, DBConf, func(db *sql.DB, _ *dtmcli.Xa) error {
			return move(db, call.Account, call.Amount)
		})
	default:
		return call.Barrier().CallWithDB(DB, func(tx *sql.Tx) error { return move(tx, call.Account, call.Amount) })
	}
}

// Barrier is that of this call.
func (call *Call) Barrier() *dtmcli.BranchBarrier {
	barrier, err := dtmcli.BarrierFromQuery(call.Query)
	if call.Context != nil {
		barrier, err = dtmgrpc.BarrierFromGrpc(call.Context)
	}
	if err != nil {
		panic(err)
	}
	return barrier
}

// Refuse is a handler that does nothing and answers failure.
func Refuse(*Call) error { return fmt.Errorf("refused. %w", dtmcli.ErrFailure) }
