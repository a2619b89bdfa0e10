//go:build imports

// What the program of go-micro-v2 imports here.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"beckon.test/interop/echopb"
	grpcclient "github.com/asim/go-micro/plugins/client/grpc/v3"
	"github.com/asim/go-micro/plugins/registry/etcd/v3"
	grpcserver "github.com/asim/go-micro/plugins/server/grpc/v3"
	"github.com/asim/go-micro/v3/client"
	"github.com/asim/go-micro/v3/codec/bytes"
	"github.com/asim/go-micro/v3/errors"
	"github.com/asim/go-micro/v3/metadata"
	"github.com/asim/go-micro/v3/registry"
	"github.com/asim/go-micro/v3/selector"
	"github.com/asim/go-micro/v3/server"
	"github.com/golang/protobuf/proto"
)
