module beckon.bench/peers

go 1.26.0

require (
	beckon.test/interop/echopb v0.0.0
	github.com/go-kit/kit v0.13.0
	github.com/go-kit/log v0.2.1
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/go-logfmt/logfmt v0.5.1 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260817212433-ac3dfec99bb1 // indirect
)

replace beckon.test/interop/echopb => ../../test/interop/go/echopb
