// A device on the processor, driven over standard input and output: memory is allocated, written
// and read, and kernels are launched, as a driver would.
//
// Numbers are little-endian u64 unless said otherwise. Each command is a letter:
//   A bytes                 allocate; answers the address. The memory is poisoned with 0xff bytes.
//   F address               free; no answer
//   W address bytes data    write; no answer
//   R address bytes         read; answers the data
//   L name grid[3] block shared seed arguments (size data)*   launch; answers a line
// where `name` is a u64 length and the text, and a line is a u64 length and the text, empty when all
// went well.
#ifdef EMULATE_WITH_THREADS
#include "threads.hpp"
#else
#include "fibers.hpp"
#endif

#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "matmul.hpp"

#if defined(EMULATE_PRICES)
#include "prices.cu"
#elif !defined(EMULATE_PRODUCTS)
// The width of the kernels that a device would have; the tests name the width they run.
#define HEAD_PAD 64
#include "kernels.cu"

#include "product.hpp"
#endif

namespace {

using Arguments = std::vector<std::vector<char>>;

struct Launch {
    emulation::Shape shape;
    std::size_t shared_bytes;
    std::uint64_t seed;
    Arguments arguments;
};

// Reads exactly so many bytes; the end of the input is the end of the program.
void read_exactly(void* to, std::size_t bytes) {
    if (bytes > 0 && std::fread(to, 1, bytes, stdin) != bytes) std::exit(0);
}

std::uint64_t read_number() {
    std::uint64_t number;
    read_exactly(&number, sizeof number);
    return number;
}

std::string read_text() {
    std::string text(read_number(), '\0');
    read_exactly(text.data(), text.size());
    return text;
}

void answer(const void* data, std::size_t bytes) {
    std::fwrite(data, 1, bytes, stdout);
    std::fflush(stdout);
}

void answer_line(const std::string& line) {
    const std::uint64_t length = line.size();
    std::fwrite(&length, sizeof length, 1, stdout);
    answer(line.data(), line.size());
}

using Kernel = std::string (*)(const Launch&);

template <class... P, std::size_t... I>
std::string launch(void (*kernel)(P...), const Launch& launch, std::index_sequence<I...>) {
    if (launch.arguments.size() != sizeof...(P)) {
        return "takes " + std::to_string(sizeof...(P)) + " arguments, got " +
               std::to_string(launch.arguments.size());
    }
    std::string fault;
    const auto take = [&](std::size_t i, std::size_t bytes) {
        if (launch.arguments[i].size() == bytes) return true;
        fault = "argument " + std::to_string(i) + " has " + std::to_string(bytes) + " bytes, got " +
                std::to_string(launch.arguments[i].size());
        return false;
    };
    if (!(take(I, sizeof(P)) && ...)) return fault;
    std::tuple<P...> values;
    (std::memcpy(&std::get<I>(values), launch.arguments[I].data(), sizeof(P)), ...);

    static emulation::Engine engine;
    const auto [grid, block] = launch.shape;
    // To the byte, so that AddressSanitizer sees an access beyond it.
    const std::size_t bytes = (launch.shared_bytes + 15) / 16 * 16;
    for (unsigned z = 0; z < grid.z; z++) {
        for (unsigned y = 0; y < grid.y; y++) {
            for (unsigned x = 0; x < grid.x; x++) {
                auto* shared = static_cast<unsigned char*>(std::aligned_alloc(16, bytes));
                std::memset(shared, 0xff, bytes);
                emulation::Block running{{x, y, z}, launch.shape, shared, {}};
                running.offered.resize(block.x);
                const std::uint64_t seed = launch.seed + (z * grid.y + y) * grid.x + x + 1;
                engine.run(running, seed * 0x9e3779b97f4a7c15u | 1,
                           [&] { kernel(std::get<I>(values)...); });
                std::free(shared);
            }
        }
    }
    return {};
}

template <auto KERNEL_FUNCTION, class... P>
std::string call(void (*)(P...), const Launch& from) {
    return launch<P...>(KERNEL_FUNCTION, from, std::index_sequence_for<P...>{});
}

template <auto KERNEL_FUNCTION>
std::string run(const Launch& from) {
    return call<KERNEL_FUNCTION>(KERNEL_FUNCTION, from);
}

#define ENTRY(name) {#name, run<name>}
#define ATTENTION_ENTRIES(pad)                          \
    {"attention_whole/" #pad, run<attend_whole<pad>>},   \
        {"attention_tiled/" #pad, run<attend_tiled<pad>>}, \
        {"attention_first/" #pad, run<attend_first<pad>>}

// Every device multiplies matrices.
#define MATMUL_ENTRIES ENTRY(matmul_f32), ENTRY(matmul_f64), ENTRY(matmul_bf16), ENTRY(matmul_fp16)

#if defined(EMULATE_PRODUCTS)
const std::map<std::string, Kernel> KERNELS = {MATMUL_ENTRIES};
#elif defined(EMULATE_PRICES)
const std::map<std::string, Kernel> KERNELS = {
    MATMUL_ENTRIES,
    ENTRY(american_puts),
    ENTRY(atr),
    ENTRY(basket_ends),
    ENTRY(black_scholes),
    ENTRY(chunk_moments),
    ENTRY(covariance_centred),
    ENTRY(covariance_weighted),
    ENTRY(ema),
    ENTRY(geometric_asian),
    ENTRY(implied_vol),
    ENTRY(long_window_finish),
    ENTRY(long_window_level),
    ENTRY(macd_line),
    ENTRY(momentum),
    ENTRY(option_samples_barrier),
    ENTRY(option_samples_end),
    ENTRY(option_samples_mean),
    ENTRY(pair_means),
    ENTRY(path_ends_brownian),
    ENTRY(path_ends_heston),
    ENTRY(path_ends_merton),
    ENTRY(portfolio_returns),
    ENTRY(rate_of_change),
    ENTRY(risk_benchmark),
    ENTRY(risk_falls),
    ENTRY(risk_logarithms),
    ENTRY(risk_means),
    ENTRY(risk_moments),
    ENTRY(risk_path),
    ENTRY(risk_products),
    ENTRY(risk_returns),
    ENTRY(risk_tails),
    ENTRY(rsi),
    ENTRY(scan_places),
    ENTRY(scan_sums),
    ENTRY(scan_tiles),
    ENTRY(select_ranges),
    ENTRY(signal_bands),
    ENTRY(signal_crossover),
    ENTRY(signal_swing),
    ENTRY(signal_thresholds),
    ENTRY(single_barrier),
    ENTRY(stochastic_percent),
    ENTRY(sweep_bands),
    ENTRY(sweep_crossing),
    ENTRY(sweep_outside),
    ENTRY(wave_blocks),
    ENTRY(wave_counts),
    ENTRY(wave_diffusions),
    ENTRY(wave_ends),
    ENTRY(wave_pivots),
    ENTRY(wave_search),
    ENTRY(window_bands),
    ENTRY(window_deviation),
    ENTRY(window_max),
    ENTRY(window_mean),
    ENTRY(window_means),
    ENTRY(window_min),
    ENTRY(window_weighted_mean),
    ENTRY(window_z_score),
};
#else
const std::map<std::string, Kernel> KERNELS = {
    MATMUL_ENTRIES,
    ENTRY(add_layer_norm), ENTRY(embed_layer_norm), ENTRY(bias_gelu),     ENTRY(bias_gelu_tanh),
    ENTRY(bias_relu),      ENTRY(bias_tanh),        ENTRY(tail_identity), ENTRY(tail_gelu),
    ENTRY(tail_gelu_tanh), ENTRY(tail_relu),        ENTRY(tail_tanh),     ENTRY(select_rows),
    ENTRY(select_rows_f32), ENTRY(softmax),         ENTRY(cast_to_elements), ENTRY(cast_to_f32),
    ENTRY(product),        ENTRY(product_e4m3),     ENTRY(quantize_e4m3), ENTRY(largest_magnitude),
    // Every width that heads are padded to.
    ATTENTION_ENTRIES(16),   ATTENTION_ENTRIES(32),   ATTENTION_ENTRIES(48),   ATTENTION_ENTRIES(64),
    ATTENTION_ENTRIES(80),   ATTENTION_ENTRIES(96),   ATTENTION_ENTRIES(112),  ATTENTION_ENTRIES(128),
};
#endif

void launch_command() {
    const std::string name = read_text();
    Launch from{};
    unsigned* const sizes[] = {&from.shape.grid.x, &from.shape.grid.y, &from.shape.grid.z,
                               &from.shape.block.x};
    for (unsigned* size : sizes) *size = static_cast<unsigned>(read_number());
    from.shape.block.y = from.shape.block.z = 1;
    from.shared_bytes = read_number();
    from.seed = read_number();
    from.arguments.resize(read_number());
    for (std::vector<char>& argument : from.arguments) {
        argument.resize(read_number());
        read_exactly(argument.data(), argument.size());
    }
    const auto kernel = KERNELS.find(name);
    if (kernel == KERNELS.end()) {
        answer_line("there is no kernel " + name);
    } else if (from.shape.block.x == 0 || from.shape.block.x % emulation::WARP_SIZE != 0) {
        answer_line(name + ": blocks are of whole warps, got " +
                    std::to_string(from.shape.block.x) + " threads");
    } else {
        const std::string fault = kernel->second(from);
        answer_line(fault.empty() ? "" : name + " " + fault);
    }
}

}  // namespace

int main() {
    for (;;) {
        char command;
        read_exactly(&command, 1);
        if (command == 'A') {
            const std::uint64_t bytes = std::max<std::uint64_t>(read_number(), 1);
            // The size stays what was asked for, so that AddressSanitizer sees the first byte past
            // it.
            void* memory = nullptr;
            if (posix_memalign(&memory, 256, bytes) != 0) emulation::fail("no memory");
            std::memset(memory, 0xff, bytes);
            const auto address = reinterpret_cast<std::uint64_t>(memory);
            answer(&address, sizeof address);
        } else if (command == 'F') {
            std::free(reinterpret_cast<void*>(read_number()));
        } else if (command == 'W') {
            auto* to = reinterpret_cast<void*>(read_number());
            read_exactly(to, read_number());
        } else if (command == 'R') {
            const auto* from = reinterpret_cast<const void*>(read_number());
            answer(from, read_number());
        } else if (command == 'L') {
            launch_command();
        } else {
            emulation::fail("there is no such command");
        }
    }
}
