// A block's threads as real threads, for the sanitizers: two that touch the same bytes without a
// barrier between them are a race that ThreadSanitizer sees.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "cuda.hpp"

namespace emulation {

thread_local Thread* current = nullptr;

// A barrier that nobody may leave the kernel in front of.
class Barrier {
  public:
    explicit Barrier(unsigned expected) : expected_(expected) {}

    void arrive() {
        std::unique_lock<std::mutex> lock(mutex_);
        if (left_ > 0) fail("a thread left the kernel before a barrier at which others wait");
        const unsigned round = round_;
        if (++waiting_ == expected_) {
            waiting_ = 0;
            round_++;
            opened_.notify_all();
        } else {
            opened_.wait(lock, [&] { return round_ != round; });
        }
    }

    void leave() {
        const std::lock_guard<std::mutex> lock(mutex_);
        left_++;
        if (waiting_ > 0) fail("a thread left the kernel before a barrier at which others wait");
    }

  private:
    std::mutex mutex_;
    std::condition_variable opened_;
    unsigned expected_, waiting_ = 0, left_ = 0, round_ = 0;
};

static Barrier* of_block;
static std::deque<Barrier>* of_warps;

class Engine {
  public:
    template <class Work>
    void run(Block& block, std::uint64_t, const Work& work) {
        const unsigned count = block.shape.block.x;
        Barrier whole(count);
        std::deque<Barrier> warps;
        for (unsigned warp = 0; warp < count / WARP_SIZE; warp++) warps.emplace_back(WARP_SIZE);
        of_block = &whole;
        of_warps = &warps;
        std::vector<std::thread> threads;
        for (unsigned i = 0; i < count; i++) {
            threads.emplace_back([&, i] {
                Thread self{{i, 0, 0}, i % WARP_SIZE, i / WARP_SIZE, &block};
                current = &self;
                work();
                warps[self.warp].leave();
                whole.leave();
            });
        }
        for (std::thread& thread : threads) thread.join();
    }
};

#ifdef EMULATE_WITHOUT_BARRIERS
void wait_for_block() {}
#else
void wait_for_block() { of_block->arrive(); }
#endif
void wait_for_warp() { (*of_warps)[current->warp].arrive(); }

}  // namespace emulation
