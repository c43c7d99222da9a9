#!/bin/sh
# Makes the Python stubs in gen/ from the definitions. They are checked in: code from this old a compiler runs with its own and
# every later runtime, the other way round it does not. Needs Debian's protobuf-compiler and protobuf-compiler-grpc.
#   ./generate.sh [DIRECTORY]     default: gen
set -eu
cd "$(dirname "$0")"
out=${1:-gen}
mkdir -p "$out"
protoc --proto_path=../../../proto --proto_path=. \
  --plugin=protoc-gen-grpc_python="$(command -v grpc_python_plugin)" \
  --python_out="$out" --grpc_python_out="$out" \
  sallyport/interceptor/v1/interceptor.proto health.proto
