/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing may happen while threads are stopped. They call what raw.h has and the compiler's cache flush;
 * messages are put together here, since printf and strerror take locks and may allocate.
 */
#include "process/code.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "process/raw.h"

enum { HEX_DIGIT_BITS = 4 };

/* Appends as much of the text as fits. */
static char *put_text(char *at, const char *end, const char *text)
{
    while (*text && at < end)
        *at++ = *text++;
    *at = '\0';
    return at;
}

static char *put_address(char *at, const char *end, uintptr_t address)
{
    char digits[2 * sizeof(address) + 1];
    char *digit = digits + sizeof(digits) - 1;

    *digit = '\0';
    do {
        *--digit = "0123456789abcdef"[address & 15];
        address >>= HEX_DIGIT_BITS;
    } while (address != 0);
    return put_text(put_text(at, end, "0x"), end, digit);
}

static int fail(struct hotfix_error *err, const char *what, const void *address, long status, const char *advice)
{
    if (!err)
        return -1;
    char *end = err->message + sizeof(err->message) - 1;
    char *at = put_text(err->message, end, what);
    at = put_address(at, end, (uintptr_t)address);
    put_text(at, end, advice);
    err->code = HOTFIX_SWITCH;
    err->sys_errno = (int)-status;
    return -1;
}

/* An unused page of code, mapped from the program's file, since other rules may hold for mapped files (SELinux). */
static long map_code(size_t size)
{
    long fd = hf_raw4(SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);
    long page = -EBADF;

    if (fd >= 0) {
        page = hf_raw6(SYS_mmap, 0, (long)size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
        hf_raw1(SYS_close, fd);
    }
    return page < 0 ? hf_raw6(SYS_mmap, 0, (long)size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                    : page;
}

/* Makes such a page writable and executable again, as write_protected() does. 0, or -errno of the refused step. */
static long try_protection(size_t page_size)
{
    long page = map_code(page_size);

    if (page < 0)
        return page;
    long status = hf_raw3(SYS_mprotect, page, page_size, PROT_READ | PROT_WRITE);
    if (status == 0) {
        *(volatile char *)page = 0; /* the page is this process's own from now on */
        status = hf_raw3(SYS_mprotect, page, page_size, PROT_READ | PROT_EXEC);
    }
    hf_raw2(SYS_munmap, page, page_size);
    return status;
}

void hf_code_writer_init(struct hf_code_writer *writer)
{
    writer->mem_fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    writer->page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    writer->returns = writer->mem_fd < 0 && try_protection(writer->page_size) == 0;
}

void hf_code_writer_deinit(struct hf_code_writer *writer)
{
    if (writer->mem_fd >= 0)
        close(writer->mem_fd);
    writer->mem_fd = -1;
}

static void flush(void *address, size_t size)
{
    __builtin___clear_cache((char *)address, (char *)address + size);
}

/* Plain stores, which the compiler does not turn into a call of memcpy. */
static void copy(void *to, const void *from, size_t size)
{
    volatile uint8_t *out = to;
    const volatile uint8_t *in = from;

    for (size_t i = 0; i < size; i++)
        out[i] = in[i];
}

/* Writes until done; returns the bytes written, and in *status what stopped it. */
static size_t write_mem(int fd, uintptr_t address, const uint8_t *bytes, size_t size, long *status)
{
    size_t done = 0;

    while (done < size) {
        *status = hf_raw4(SYS_pwrite64, fd, bytes + done, size - done, address + done);
        if (*status == -EINTR)
            continue;
        if (*status <= 0)
            break;
        done += (size_t)*status;
    }
    return done;
}

/*
 * Writes the existing byte of each page again: this proves that every page is writable, and makes it private, so that
 * the real write does not stop half-way. 0, or -errno.
 */
static long probe_mem(const struct hf_code_writer *writer, uintptr_t address, size_t size)
{
    uintptr_t end = address + size;

    for (uintptr_t at = address; at < end; at = (at / writer->page_size + 1) * writer->page_size) {
        uint8_t byte;
        long status = hf_raw4(SYS_pread64, writer->mem_fd, &byte, 1, at);
        if (status == 1)
            status = hf_raw4(SYS_pwrite64, writer->mem_fd, &byte, 1, at);
        if (status != 1)
            return status < 0 ? status : -EIO;
    }
    return 0;
}

/*
 * Makes the pages writable, writes, and restores the protection. Meanwhile the pages are not executable, unless this
 * code itself may be on them (libhotfix linked statically beside the function).
 */
__attribute__((noinline)) static long write_protected(const struct hf_code_writer *writer, void *address,
                                                      const void *bytes, size_t size, int prot)
{
    uintptr_t page = (uintptr_t)address / writer->page_size * writer->page_size;
    uintptr_t end = ((uintptr_t)address + size + writer->page_size - 1) / writer->page_size * writer->page_size;
    uintptr_t here = (uintptr_t)write_protected;
    bool ours = here + writer->page_size >= page && here < end + writer->page_size;
    long status = hf_raw3(SYS_mprotect, page, end - page, ours ? prot | PROT_WRITE : PROT_READ | PROT_WRITE);

    if (status == 0)
        copy(address, bytes, size);
    /*
     * Also when the call failed, since it may have changed the first pages. Page by page if something between them is
     * unmapped.
     */
    if (hf_raw3(SYS_mprotect, page, end - page, prot) < 0) {
        for (; page < end; page += writer->page_size)
            hf_raw3(SYS_mprotect, page, writer->page_size, prot);
    }
    return status;
}

/* May code at the address become non-executable for a moment? Tried right before the write if it was not tried yet. */
static int check_return(const struct hf_code_writer *writer, const void *address, int prot, struct hotfix_error *err)
{
    if (!(prot & PROT_EXEC) || writer->returns)
        return 0;
    long status = try_protection(writer->page_size);
    if (status == 0)
        return 0;
    return fail(err, "cannot write the code at ", address, status,
                ": /proc/self/mem may not write it, and what mprotect makes writable may not become executable again "
                "(MemoryDenyWriteExecute, PR_SET_MDWE or SELinux); start the program without that, or have it set "
                "PR_SET_DUMPABLE to 1 after it has changed its user");
}

int hf_code_write(const struct hf_code_writer *writer, void *address, const void *bytes, size_t size, int prot,
                  struct hotfix_error *err)
{
    if (size == 0)
        return 0;
    if (writer->mem_fd >= 0 && probe_mem(writer, (uintptr_t)address, size) == 0) {
        long status = 0;
        size_t done = write_mem(writer->mem_fd, (uintptr_t)address, bytes, size, &status);
        if (done < size)
            return fail(err, "writing through /proc/self/mem stopped half-way at ", (char *)address + done, status, "");
        flush(address, size);
        return 0;
    }

    if (check_return(writer, address, prot, err) != 0)
        return -1;
    long status = write_protected(writer, address, bytes, size, prot);
    if (status < 0)
        return fail(
            err, "cannot write the code at ", address, status,
            ": neither /proc/self/mem nor mprotect may write it; mount /proc, or allow mprotect to make private "
            "pages writable");
    flush(address, size);
    return 0;
}

int hf_code_check_mprotect(struct hf_code_writer *writer, const void *address, int prot, struct hotfix_error *err)
{
    if (check_return(writer, address, prot, err) != 0)
        return -1;
    writer->returns = writer->returns || (prot & PROT_EXEC);
    return 0;
}

bool hf_code_probe(const struct hf_code_writer *writer, const void *address, size_t size)
{
    return writer->mem_fd >= 0 && probe_mem(writer, (uintptr_t)address, size) == 0;
}

bool hf_code_read(const struct hf_code_writer *writer, const void *address, void *bytes, size_t size)
{
    uint8_t *to = bytes;

    for (size_t done = 0; done < size;) {
        long status = hf_raw4(SYS_pread64, writer->mem_fd, to + done, size - done, (uintptr_t)address + done);
        if (status == -EINTR)
            continue;
        if (status <= 0)
            return false;
        done += (size_t)status;
    }
    return true;
}

bool hf_code_write_probed(const struct hf_code_writer *writer, void *address, const void *bytes, size_t size)
{
    long status = 0;

    if (write_mem(writer->mem_fd, (uintptr_t)address, bytes, size, &status) < size)
        return false;
    flush(address, size);
    return true;
}
