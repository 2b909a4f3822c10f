/* Makes a process see a processor without AVX-512, AMX and AVX-VNNI: one of Haswell's or Zen 3's kind.
 *
 *     cc -O2 -shared -fPIC -o hide_avx512.so hide_avx512.c
 *     LD_PRELOAD=./hide_avx512.so program
 *
 * Some programs have no setting that restricts the instructions they use. Intel processors since Ivy
 * Bridge can make the instruction CPUID fault, and Linux (4.12 and later) lets a process ask for
 * that: every CPUID then arrives here as a signal, and is answered without the bits to be hidden.
 *
 * Source: Intel, "Software Developer's Manual", volume 2, CPUID, leaf 7; arch_prctl(2), ARCH_SET_CPUID.
 */

#define _GNU_SOURCE
#include <asm/prctl.h>
#include <cpuid.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define BIT(n) (1u << (n))

/* Leaf 7, subleaf 0. */
static const unsigned EBX_AVX512 = BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31);
static const unsigned ECX_AVX512 = BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14);
static const unsigned EDX_AVX512_AMX = BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25);
/* Leaf 7, subleaf 1: AVX-VNNI, AVX512-BF16, AMX-FP16, AVX-IFMA; AVX-VNNI-INT8, AVX-NE-CONVERT,
 * AMX-COMPLEX, AVX-VNNI-INT16, AVX10. */
static const unsigned EAX_1 = BIT(4) | BIT(5) | BIT(21) | BIT(23);
static const unsigned EDX_1 = BIT(4) | BIT(5) | BIT(8) | BIT(10) | BIT(19);

static int cpuid_allowed(int allowed)
{
    return (int)syscall(SYS_arch_prctl, ARCH_SET_CPUID, allowed);
}

static void answer(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *instruction = (const unsigned char *)registers[REG_RIP];
    unsigned leaf = (unsigned)registers[REG_RAX], subleaf = (unsigned)registers[REG_RCX];
    unsigned a, b, c, d;

    /* A fault at an address is no CPUID, and its instruction may not even be readable. */
    if (info->si_code != SI_KERNEL || instruction[0] != 0x0f || instruction[1] != 0xa2) {
        signal(number, SIG_DFL);
        return;
    }
    cpuid_allowed(1);
    __cpuid_count(leaf, subleaf, a, b, c, d);
    cpuid_allowed(0);
    if (leaf == 7 && subleaf == 0) {
        b &= ~EBX_AVX512;
        c &= ~ECX_AVX512;
        d &= ~EDX_AVX512_AMX;
    } else if (leaf == 7 && subleaf == 1) {
        a &= ~EAX_1;
        d &= ~EDX_1;
    }
    registers[REG_RAX] = a;
    registers[REG_RBX] = b;
    registers[REG_RCX] = c;
    registers[REG_RDX] = d;
    registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void hide(void)
{
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};

    if (sigaction(SIGSEGV, &action, NULL) != 0 || cpuid_allowed(0) != 0) {
        perror("hide_avx512: this machine cannot hide instructions");
        _exit(3);
    }
}
