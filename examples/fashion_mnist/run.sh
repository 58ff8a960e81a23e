#!/bin/sh
# The main job on real input: a float Fashion-MNIST network is quantized with
# training images and evaluated on the 10,000 test images, before and after.
# usage: run.sh path/to/squint
set -eu
squint=${1:-build/release/bin/squint}
here=$(dirname "$0")
data=/usr/share/datasets/fashion-mnist
out=${TMPDIR:-/tmp}/squint-demo-$(id -u)
mkdir -p "$out"

train=$data/train-images-idx3-ubyte.gz
test=$data/t10k-images-idx3-ubyte.gz
model=$here/fashion_mnist.onnx

echo "1. quantize, with 500 of the training images"
"$squint" quantize "$model" --data "$train" --samples 0:500 \
  -o "$out/fashion_mnist.int8.onnx"
echo
echo "2. accuracy on the 10,000 test images"
"$squint" eval "$model" --data "$test" --json >"$out/float.json"
"$squint" eval "$out/fashion_mnist.int8.onnx" --data "$test" --json \
  >"$out/int8.json"

value() { sed -n "s/.*\"$2\":\([0-9.]*\).*/\1/p" "$out/$1.json"; }
float_bytes=$(wc -c <"$model")
int8_bytes=$(wc -c <"$out/fashion_mnist.int8.onnx")
printf '\n%10s %10s %12s %26s\n' '' top1 'file bytes' 'seconds for 10,000 images'
printf '%10s %10s %12s %26.2f\n' float "$(value float value)" "$float_bytes" \
  "$(value float seconds)"
printf '%10s %10s %12s %26.2f\n' int8 "$(value int8 value)" "$int8_bytes" \
  "$(value int8 seconds)"
