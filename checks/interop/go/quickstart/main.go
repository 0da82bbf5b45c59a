// Command quickstart is the first workflow that users of the Go client library meet: TransOut takes an amount from one
// account, TransIn adds it to another, both over gRPC, and dtm4j keeps what was done. When TransIn refuses, TransOut is
// reverted.
//
//	go run ./quickstart
//	go run ./quickstart --TransInResult FAILURE
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"

	"github.com/dtm-labs/client/dtmcli"
	"github.com/dtm-labs/client/dtmgrpc"
	"github.com/dtm-labs/client/workflow"
	"github.com/dtm-labs/logger"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

func main() {
	dtm := flag.String("dtm", "127.0.0.1:36790", "gRPC address of dtm4j")
	transInResult := flag.String("TransInResult", "", "what TransIn answers: nothing, or FAILURE")
	flag.Parse()
	logger.InitLog("fatal")

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	exitIf(err)
	host := listener.Addr().String()
	server := grpc.NewServer(grpc.UnknownServiceHandler(bank))
	workflow.InitGrpc(*dtm, host, server) // where dtm4j resumes a workflow that has not ended
	go func() { log.Fatal(server.Serve(listener)) }()

	conn, err := grpc.Dial(host, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithUnaryInterceptor(workflow.Interceptor))
	exitIf(err)
	call := func(wf *workflow.Workflow, method string, request proto.Message) error {
		return conn.Invoke(wf.Context, "/busi.Busi/"+method, request, &emptypb.Empty{})
	}
	exitIf(workflow.Register2("transfer", func(wf *workflow.Workflow, data []byte) ([]byte, error) {
		var request structpb.Struct
		if err := proto.Unmarshal(data, &request); err != nil {
			return nil, err
		}
		wf.NewBranch().OnRollback(func(*dtmcli.BranchBarrier) error {
			return call(wf, "TransOutRevert", &request)
		})
		if err := call(wf, "TransOut", &request); err != nil {
			return nil, err
		}
		wf.NewBranch()
		if err := call(wf, "TransIn", &request); err != nil {
			return nil, err
		}
		return []byte(fmt.Sprintf("transferred %v", request.Fields["Amount"].GetNumberValue())), nil
	}))

	request, err := structpb.NewStruct(map[string]interface{}{"Amount": 30, "TransInResult": *transInResult})
	exitIf(err)
	data, err := proto.Marshal(request)
	exitIf(err)
	gid := dtmgrpc.MustGenGid(*dtm)
	result, err := workflow.ExecuteCtx(context.Background(), "transfer", gid, data)
	fmt.Printf("gid: %s\nresult: %s\nerror: %v\n", gid, result, err)
}

// bank answers TransOut, TransOutRevert and TransIn.
func bank(_ interface{}, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	var request structpb.Struct
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	fmt.Printf("%s %v\n", method, request.Fields["Amount"].GetNumberValue())
	if method == "/busi.Busi/TransIn" && request.Fields["TransInResult"].GetStringValue() == dtmcli.ResultFailure {
		return dtmgrpc.DtmError2GrpcError(fmt.Errorf("no such account. %w", dtmcli.ErrFailure))
	}
	return stream.SendMsg(&emptypb.Empty{})
}

func exitIf(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
