// The user space of the Linux guest, all of it: process 1.
//
// It says that it runs, then exercises what a hypervisor and a memory system must get right: programs started
// by exec, pipes, files, copy-on-write, protection faults, signals, the timer. It checks every result, says
// how many checks passed, and powers off. The last line is "bivisor: all N checks passed" or names a number
// of failures. Called again with the argument "worker" it is one of the processes that do the work.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    WORKERS = 4,
    ROUNDS = 8,
    LIMIT = 4000,          // primes below this are counted
    PRIMES = 550,          // so many there are
    PAGES = 48,            // pages a worker maps, dirties and unmaps
    PAGE = 4096,
};

struct request {
    uint32_t from, to;
    uint32_t churn;        // whether to use pages as well
};

struct reply {
    uint32_t primes, pages;
};

static int passed, failed;

static void check(int good, const char *what)
{
    if (good) {
        passed++;
        return;
    }
    failed++;
    printf("bivisor: FAILED: %s (errno %d)\n", what, errno);
}

// Whole reads and writes of a pipe: 0 at its end or on an error.
static int receive(int fd, void *into, size_t size)
{
    size_t have = 0;
    while (have < size) {
        ssize_t got = read(fd, (char *)into + have, size - have);
        if (got <= 0)
            return 0;
        have += got;
    }
    return 1;
}

static int transmit(int fd, const void *from, size_t size)
{
    return write(fd, from, size) == (ssize_t)size;
}

static uint32_t count_primes(uint32_t from, uint32_t to)
{
    uint32_t found = 0;
    for (uint32_t number = from < 2 ? 2 : from; number < to; number++) {
        uint32_t divisor = 2;
        while (divisor * divisor <= number && number % divisor)
            divisor++;
        found += divisor * divisor > number;
    }
    return found;
}

// ---- a worker

// The number of pages that still hold what was written there, after a copy of this process has overwritten
// its copies of them, and after half of them were unmapped and mapped anew.
static uint32_t churn_pages(uint32_t seed)
{
    uint32_t *at = mmap(0, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return 0;
    const size_t step = PAGE / sizeof *at;
    for (uint32_t page = 0; page < PAGES; page++)
        at[page * step] = seed ^ page;

    pid_t copy = fork();
    if (copy == 0) {
        int same = 1;
        for (uint32_t page = 0; page < PAGES; page++) {
            same &= at[page * step] == (seed ^ page);
            at[page * step] = ~seed;
        }
        _exit(same ? 0 : 1);
    }
    int status = 1;
    if (copy < 0 || waitpid(copy, &status, 0) != copy || status != 0)
        return 0;

    uint32_t good = 0;
    for (uint32_t page = 0; page < PAGES; page++)
        good += at[page * step] == (seed ^ page);
    for (uint32_t page = 0; page < PAGES; page += 2)
        munmap(at + page * step, PAGE);
    for (uint32_t page = 0; page < PAGES; page += 2)
        mmap(at + page * step, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    for (uint32_t page = 0; page < PAGES; page += 2)
        good -= at[page * step] != 0;
    munmap(at, PAGES * PAGE);
    return good;
}

static int worker(const char *number)
{
    char path[32];
    snprintf(path, sizeof path, "/tmp/worker-%s", number);
    FILE *journal = fopen(path, "w");
    if (!journal)
        return 2;
    uint32_t seed = 0x9e3779b9u * (atoi(number) + 1);
    struct request request;
    while (receive(STDIN_FILENO, &request, sizeof request)) {
        struct reply reply = {count_primes(request.from, request.to), 0};
        if (request.churn)
            reply.pages = churn_pages(seed);
        fprintf(journal, "%u\n", reply.primes);
        if (!transmit(STDOUT_FILENO, &reply, sizeof reply))
            return 3;
    }
    return fclose(journal) ? 4 : 0;
}

// ---- process 1

struct process {
    pid_t pid;
    int to, from;
};

// Start this program again as a worker with a pipe on either side.
static struct process start_worker(int number)
{
    int down[2], up[2];
    if (pipe2(down, O_CLOEXEC) || pipe2(up, O_CLOEXEC))
        return (struct process){-1, -1, -1};
    pid_t pid = fork();
    if (pid == 0) {
        char text[8];
        snprintf(text, sizeof text, "%d", number);
        dup2(down[0], STDIN_FILENO);
        dup2(up[1], STDOUT_FILENO);
        execl("/init", "init", "worker", text, (char *)0);
        _exit(127);
    }
    close(down[0]);
    close(up[1]);
    return (struct process){pid, down[1], up[0]};
}

static uint32_t sum_of_file(int number)
{
    char line[32];
    uint32_t sum = 0;
    snprintf(line, sizeof line, "/tmp/worker-%d", number);
    FILE *journal = fopen(line, "r");
    while (journal && fgets(line, sizeof line, journal))
        sum += strtoul(line, 0, 10);
    if (journal)
        fclose(journal);
    return sum;
}

// All workers are busy at once: each has its next request before any reply is read.
static void run_workers(void)
{
    struct process workers[WORKERS];
    uint32_t primes[WORKERS] = {0}, total = 0;
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = start_worker(i);
        check(workers[i].pid > 0, "fork of a worker");
    }
    const uint32_t share = LIMIT / (WORKERS * ROUNDS);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < WORKERS; i++) {
            uint32_t from = (round * WORKERS + i) * share;
            struct request request = {from, from + share, round == i};
            check(transmit(workers[i].to, &request, sizeof request), "a request through a pipe");
        }
        for (int i = 0; i < WORKERS; i++) {
            struct reply reply = {0, 0};
            check(receive(workers[i].from, &reply, sizeof reply), "a reply through a pipe");
            check(reply.pages == (round == i ? PAGES : 0), "a worker's private pages");
            primes[i] += reply.primes;
        }
    }
    for (int i = 0; i < WORKERS; i++) {
        int status = -1;
        close(workers[i].to);
        check(waitpid(workers[i].pid, &status, 0) == workers[i].pid && status == 0, "a worker's exit status");
        close(workers[i].from);
        check(sum_of_file(i) == primes[i], "a worker's file");
        printf("bivisor: worker %d found %u primes\n", i, primes[i]);
        total += primes[i];
    }
    check(total == PRIMES, "the number of primes");
}

static char *guarded;

static void leave_on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    int expected = number == SIGSEGV && info->si_code == SEGV_ACCERR && info->si_addr == guarded + 8;
    _exit(expected ? 0 : 1);
}

// A store to a page that may only be read must fault, there and in no other process.
static void run_into_protection(void)
{
    guarded = mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct sigaction action = {.sa_sigaction = leave_on_fault, .sa_flags = SA_SIGINFO};
        sigaction(SIGSEGV, &action, 0);
        if (*(volatile char *)guarded == 0)
            *(volatile char *)(guarded + 8) = 1;
        _exit(2);
    }
    int status = -1;
    check(waitpid(pid, &status, 0) == pid && status == 0, "the fault of a store without permission");
    munmap(guarded, PAGE);
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

static void take_signals(void)
{
    struct sigaction action = {.sa_handler = count_signal};
    sigaction(SIGUSR1, &action, 0);
    for (int i = 0; i < 8; i++)
        kill(getpid(), SIGUSR1);
    check(signals == 8, "signals to itself");
}

static uint64_t ticks(void)
{
    uint64_t now;
    __asm__ volatile("rdtime %0" : "=r"(now));
    return now;
}

static void sleep_a_little(void)
{
    uint64_t start = ticks();
    struct timespec before, after, pause = {0, 2000000};
    clock_gettime(CLOCK_MONOTONIC, &before);
    check(nanosleep(&pause, 0) == 0, "sleep");
    clock_gettime(CLOCK_MONOTONIC, &after);
    int64_t slept = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
    check(slept >= pause.tv_nsec, "the time a sleep takes");
    check(ticks() > start, "the time that programs read");
}

static void mount_all(void)
{
    check(mount("proc", "/proc", "proc", 0, 0) == 0, "mount /proc");
    check(mount("sysfs", "/sys", "sysfs", 0, 0) == 0, "mount /sys");
    check(mount("tmpfs", "/tmp", "tmpfs", 0, 0) == 0, "mount /tmp");
    struct stat found;
    check(stat("/proc/self/status", &found) == 0, "/proc");
    check(stat("/sys/devices", &found) == 0, "/sys");
    check(stat("/dev/console", &found) == 0 && S_ISCHR(found.st_mode), "/dev/console");
}

int main(int arguments, char **argument)
{
    if (arguments == 3 && strcmp(argument[1], "worker") == 0)
        return worker(argument[2]);

    setvbuf(stdout, 0, _IOLBF, 1024);
    struct utsname name;
    uname(&name);
    printf("bivisor: init reached, Linux %s on %s\n", name.release, name.machine);
    mount_all();
    run_workers();
    run_into_protection();
    take_signals();
    sleep_a_little();
    if (failed)
        printf("bivisor: %d of %d checks FAILED\n", failed, failed + passed);
    else
        printf("bivisor: all %d checks passed\n", passed);
    sync();
    reboot(RB_POWER_OFF);
    return 1;
}
