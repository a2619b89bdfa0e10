// Package quic has the names of quic-go that go-micro v1 mentions. The versions of that time panic with any Go since 1.14; nothing here uses QUIC.
package quic

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
)

var errAbsent = errors.New("there is no QUIC here")

type Config struct{ KeepAlive bool }

type Stream interface{ io.ReadWriteCloser }

type Session interface {
	AcceptStream(context.Context) (Stream, error)
	OpenStreamSync(context.Context) (Stream, error)
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
	Close() error
}

type Listener interface {
	Accept(context.Context) (Session, error)
	Addr() net.Addr
	Close() error
}

func DialAddr(string, *tls.Config, *Config) (Session, error) { return nil, errAbsent }

func ListenAddr(string, *tls.Config, *Config) (Listener, error) { return nil, errAbsent }
