// A block's threads as fibers of one thread: fast, repeatable, and in an order that a kernel with a
// missing barrier does not survive.
#pragma once

#include <csetjmp>
#include <ucontext.h>

#include "cuda.hpp"

namespace emulation {

thread_local Thread* current = nullptr;

class Engine {
  public:
    // Runs `work` once as each thread of the block.
    template <class Work>
    void run(Block& block, std::uint64_t seed, const Work& work) {
        const unsigned count = block.shape.block.x;
        reserve(count);
        std::vector<unsigned> order(count);
        for (unsigned i = 0; i < count; i++) {
            fibers_[i].state = State::Ready;
            fibers_[i].started = false;
            fibers_[i].thread = {{i, 0, 0}, i % WARP_SIZE, i / WARP_SIZE, &block};
            order[i] = i;
        }
        active_ = this;
        work_ = [](const void* work) { (*static_cast<const Work*>(work))(); };
        argument_ = &work;
        count_ = count;
        for (unsigned left = count; left > 0;) {
            shuffle_order(order, seed);
            bool moved = false;
            for (const unsigned i : order) {
                if (fibers_[i].state != State::Ready) continue;
                resume(i);
                moved = true;
                if (fibers_[i].state == State::Done) left--;
            }
            if (!release() && !moved && left > 0) {
                fail("a thread left the kernel before a barrier at which others wait");
            }
        }
    }

    static Engine& active() { return *active_; }

    void wait(bool for_block) {
        Fiber& fiber = fibers_[running_];
        fiber.state = for_block ? State::AtBlock : State::AtWarp;
        if (_setjmp(fiber.at) == 0) _longjmp(scheduler_, 1);
    }

  private:
    enum class State { Ready, AtWarp, AtBlock, Done };

    static constexpr std::size_t STACK_BYTES = 64 << 10;

    struct Fiber {
        State state;
        bool started;
        Thread thread;
        ucontext_t start;
        jmp_buf at;
        std::vector<char> stack;
    };

    void reserve(unsigned count) {
        while (fibers_.size() < count) {
            fibers_.emplace_back();
            fibers_.back().stack.resize(STACK_BYTES);
        }
    }

    // Fisher-Yates with a xorshift generator: the order changes at every round.
    static void shuffle_order(std::vector<unsigned>& order, std::uint64_t& seed) {
        for (std::size_t i = order.size(); i > 1; i--) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            std::swap(order[i - 1], order[seed % i]);
        }
    }

    void resume(unsigned i) {
        running_ = i;
        Fiber& fiber = fibers_[i];
        current = &fiber.thread;
        if (_setjmp(scheduler_) != 0) return;
        if (fiber.started) _longjmp(fiber.at, 1);
        fiber.started = true;
        getcontext(&fiber.start);
        fiber.start.uc_stack.ss_sp = fiber.stack.data();
        fiber.start.uc_stack.ss_size = STACK_BYTES;
        makecontext(&fiber.start, enter, 0);
        setcontext(&fiber.start);
    }

    static void enter() {
        Engine& engine = *active_;
        engine.work_(engine.argument_);
        engine.fibers_[engine.running_].state = State::Done;
        _longjmp(engine.scheduler_, 1);
    }

    // Opens the barriers at which everybody has arrived; whether there were any.
    bool release() {
        bool any = release_range(0, count_, State::AtBlock);
        for (unsigned first = 0; first < count_; first += WARP_SIZE) {
            any |= release_range(first, std::min(first + WARP_SIZE, count_), State::AtWarp);
        }
        return any;
    }

    bool release_range(unsigned first, unsigned end, State state) {
        for (unsigned i = first; i < end; i++) {
            if (fibers_[i].state != state) return false;
        }
        for (unsigned i = first; i < end; i++) fibers_[i].state = State::Ready;
        return true;
    }

    static inline Engine* active_ = nullptr;
    std::vector<Fiber> fibers_;
    void (*work_)(const void*) = nullptr;
    const void* argument_ = nullptr;
    unsigned count_ = 0, running_ = 0;
    jmp_buf scheduler_;
};

void wait_for_block() { Engine::active().wait(true); }
void wait_for_warp() { Engine::active().wait(false); }

}  // namespace emulation
