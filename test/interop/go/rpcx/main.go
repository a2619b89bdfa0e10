// Registers and discovers as servers and clients of rpcx do (rpcx-etcd).
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rcrowley/go-metrics"
	rpcxclient "github.com/rpcxio/rpcx-etcd/client"
	"github.com/rpcxio/rpcx-etcd/serverplugin"
	rpcxlog "github.com/smallnest/rpcx/log"
)

func main() {
	etcd := flag.String("etcd", "127.0.0.1:2379", "where etcd is")
	base := flag.String("base", "/rpcx", "base path")
	service := flag.String("service", "echo", "name of the service")
	flag.Parse()
	rpcxlog.SetDummyLogger()
	discovery, err := rpcxclient.NewEtcdV3Discovery(*base, *service, []string{*etcd}, true, nil)
	must(err)
	plugins := map[string]*serverplugin.EtcdV3RegisterPlugin{}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch words[0] {
		case "register": // <network@address> [<metadata>]
			plugin := &serverplugin.EtcdV3RegisterPlugin{ServiceAddress: words[1], EtcdServers: []string{*etcd}, BasePath: *base,
				Metrics: metrics.NewRegistry(), UpdateInterval: 500 * time.Millisecond}
			must(plugin.Start())
			must(plugin.Register(*service, nil, strings.Join(words[2:], " ")))
			plugins[words[1]] = plugin
		case "stop": // <network@address>
			must(plugins[words[1]].Stop())
		}
		found := map[string]string{}
		for _, pair := range discovery.GetServices() {
			found[pair.Key] = pair.Value
		}
		json.NewEncoder(os.Stdout).Encode(map[string]interface{}{"found": found})
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
