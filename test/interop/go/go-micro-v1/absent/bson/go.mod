module beckon.test/interop/absent/bson

go 1.24
