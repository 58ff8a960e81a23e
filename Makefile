# make            builds build/release/bin/squint
# make demo       quantizes a real network on real images and shows the result
# make test       everything that fits in 20 minutes on 2 cores
# make bench      times every network at hand, writes docs/benchmarks.md
# make conformance  docs/operators.md, from the ONNX node tests
# make test-all   the rest: all models, sanitizers, lint
# make test-edge  emitted C on emulated microcontrollers (part of test-all)
# make test-aarch64  for 64-bit Arm, in an emulator (part of test-all)
# make test-core  built without image and archive libraries (part of test-all)
# make fuzz-emit  2,000 random networks as C, gcc and clang, -O0 and -O3
# make fuzz       every fuzz target for FUZZ_SECONDS (20 minutes each)
# Each installs what is missing (Debian packages), says so, and leaves alone
# what is there.
BUILD := build/release

.PHONY: all setup demo test test-all test-edge test-aarch64 test-core bench \
  conformance asan fuzz fuzz-emit tsan tidy format clean
all: $(BUILD)/build.ninja
	@cmake --build $(BUILD) --target squint_cli

setup:
	@scripts/setup.sh build

$(BUILD)/build.ninja: | setup
	@cmake --preset release -DSQUINT_TESTS=OFF

.configure-tests: setup
	@scripts/setup.sh test
	@cmake --preset release -DSQUINT_TESTS=ON
.PHONY: .configure-tests

demo: all
	@scripts/setup.sh demo
	@examples/fashion_mnist/run.sh $(BUILD)/bin/squint

test: .configure-tests
	@cmake --build $(BUILD)
	@ctest --test-dir $(BUILD) --output-on-failure --timeout 900 -LE long

test-all: .configure-tests
	@scripts/setup.sh edge
	@cmake --build $(BUILD)
	@ctest --test-dir $(BUILD) --output-on-failure --timeout 7200
	@$(MAKE) test-core test-aarch64 asan tidy

test-edge: .configure-tests
	@scripts/setup.sh edge
	@cmake --build $(BUILD) --target squint_cli squint_emit_fuzz \
	  squint_edge_vectors
	@ctest --test-dir $(BUILD) --verbose --timeout 7200 -R '^(edge|emit)$$'

# With the dot product extension and without.
AARCH64_CPUS := max cortex-a72

test-aarch64: .configure-tests
	@scripts/setup.sh aarch64
	@cmake --build $(BUILD) --target squint_cli squint_edge_vectors
	@cmake --preset aarch64 -DSQUINT_TESTS=ON
	@cmake --build build/aarch64
	@for cpu in $(AARCH64_CPUS); do \
	  echo "emulated CPU: $$cpu"; \
	  QEMU_CPU=$$cpu ctest --test-dir build/aarch64 --output-on-failure \
	    --timeout 7200 -E '^aarch64$$' || exit 1; \
	done
	@ctest --test-dir build/aarch64 --verbose --timeout 7200 -R '^aarch64$$'

test-core: setup
	@scripts/setup.sh test
	@cmake --preset core -DSQUINT_TESTS=ON
	@cmake --build build/core --target squint_cli squint_data_test
	@ctest --test-dir build/core --output-on-failure -R '^data$$'
	@! ldd build/core/bin/squint | grep -E 'lib(jpeg|png|zip|z)\.'

fuzz-emit: .configure-tests
	@scripts/setup.sh edge
	@cmake --build $(BUILD) --target fuzz_emit

# A Python with onnxruntime and openvino, to have them in the table.
BENCH_PYTHON := python3

bench: all
	@scripts/setup.sh bench
	@rm -rf build/bench/rows
	@python3 tests/bench/benchmarks.py $(BUILD)/bin/squint --build build/bench \
	  --python $(BENCH_PYTHON) --out docs/benchmarks.md

conformance: .configure-tests
	@cmake --build $(BUILD) --target conformance

asan: setup
	@scripts/setup.sh test
	@cmake --preset asan -DSQUINT_TESTS=ON
	@cmake --build build/asan
	@ctest --test-dir build/asan --output-on-failure --timeout 3600 -LE long

# How long each fuzz target runs.
FUZZ_SECONDS := 1200

fuzz: setup
	@scripts/setup.sh fuzz
	@cmake --preset fuzz -DSQUINT_TESTS=ON
	@cmake --build build/fuzz --target squint_fuzz
	@scripts/fuzz.sh build/fuzz $(FUZZ_SECONDS)

tsan: setup
	@scripts/setup.sh test
	@cmake --preset tsan -DSQUINT_TESTS=ON
	@cmake --build build/tsan
	@ctest --test-dir build/tsan --output-on-failure --timeout 3600 -LE long

tidy: setup
	@scripts/setup.sh lint
	@scripts/tidy.sh

format:
	@git ls-files '*.cc' '*.h' | xargs clang-format -i

clean:
	rm -rf build
