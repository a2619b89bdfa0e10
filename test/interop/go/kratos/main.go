// Serves and calls the test contract the way kratos's users do, with its registry for etcd.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"beckon.test/interop/echopb"
	"github.com/go-kratos/kratos/contrib/registry/etcd/v2"
	"github.com/go-kratos/kratos/v2"
	"github.com/go-kratos/kratos/v2/errors"
	"github.com/go-kratos/kratos/v2/log"
	kgrpc "github.com/go-kratos/kratos/v2/transport/grpc"
	"github.com/go-kratos/kratos/v2/transport/http"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
)

var (
	mode    = flag.String("mode", "serve", "serve or call")
	address = flag.String("etcd", "127.0.0.1:2379", "where etcd is")
	name    = flag.String("name", "echo", "name of the service")
	id      = flag.String("id", "kratos", "id of the server")
	weight  = flag.String("weight", "", "weight of the server")
	cert    = flag.String("cert", "", "certificate of the server, for TLS")
	key     = flag.String("key", "", "and its key")
	ca      = flag.String("ca", "", "authority that the client trusts, for TLS")
)

func main() {
	flag.Parse()
	log.SetLogger(log.NewStdLogger(io.Discard))
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{*address}, DialTimeout: 3 * time.Second})
	must(err)
	if *mode == "serve" {
		serve(etcd.New(client))
	} else {
		call(etcd.New(client))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func serve(registry *etcd.Registry) {
	options := []kgrpc.ServerOption{kgrpc.Address("127.0.0.1:0")}
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		must(err)
		options = append(options, kgrpc.TLSConfig(&tls.Config{Certificates: []tls.Certificate{pair}}))
	}
	server := kgrpc.NewServer(options...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "beckon.test.Echo",
		HandlerType: (*interface{})(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: unary}},
	}, nil)
	metadata := map[string]string{"color": "red"}
	if *weight != "" {
		metadata["weight"] = *weight
	}
	endpoint, err := server.Endpoint()
	must(err)
	must(kratos.New(kratos.ID(*id), kratos.Name(*name), kratos.Version("v3"), kratos.Metadata(metadata), kratos.Registrar(registry),
		kratos.Server(http.NewServer(http.Address("127.0.0.1:0")), server),
		kratos.AfterStart(func(context.Context) error {
			fmt.Println("ready", endpoint.Host)
			return nil
		})).Run())
}

func unary(_ interface{}, ctx context.Context, decode func(interface{}) error, intercept grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(echopb.EchoMessage)
	if err := decode(in); err != nil {
		return nil, err
	}
	return intercept(ctx, in, &grpc.UnaryServerInfo{FullMethod: "/beckon.test.Echo/Unary"}, func(context.Context, interface{}) (interface{}, error) {
		if in.Text == "gone" {
			return nil, errors.NotFound("ECHO_GONE", "gone")
		}
		return &echopb.EchoMessage{Text: *id + ": " + in.Text}, nil
	})
}

func call(registry *etcd.Registry) {
	ctx := context.Background()
	fmt.Println("ready")
	var connection *grpc.ClientConn
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		out := map[string]interface{}{}
		switch words[0] {
		case "list":
			instances, err := registry.GetService(ctx, *name)
			must(err)
			records := []string{}
			for _, instance := range instances {
				record, err := json.Marshal(instance) // as its registry does
				must(err)
				records = append(records, string(record))
			}
			out["instances"], out["records"] = instances, records
		case "call": // <text>
			if connection == nil {
				connection = dial(ctx, registry)
			}
			reply := new(echopb.EchoMessage)
			err := connection.Invoke(ctx, "/beckon.test.Echo/Unary", &echopb.EchoMessage{Text: words[1]}, reply)
			if err != nil {
				out["error"] = errors.FromError(err)
			} else {
				out["text"] = reply.Text
			}
		}
		json.NewEncoder(os.Stdout).Encode(out)
	}
}

func dial(ctx context.Context, registry *etcd.Registry) *grpc.ClientConn {
	options := []kgrpc.ClientOption{kgrpc.WithEndpoint("discovery:///" + *name), kgrpc.WithDiscovery(registry), kgrpc.WithTimeout(10 * time.Second)}
	how := kgrpc.DialInsecure
	if *ca != "" {
		pem, err := os.ReadFile(*ca)
		must(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		options = append(options, kgrpc.WithTLSConfig(&tls.Config{RootCAs: pool, ServerName: "localhost"}))
		how = kgrpc.Dial
	}
	connection, err := how(ctx, options...)
	must(err)
	return connection
}
