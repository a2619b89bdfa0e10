module beckon.test/interop/absent/quic

go 1.24
