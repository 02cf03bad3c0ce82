/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libhotfix-agent.so, which is preloaded: when a program starts, before main, it looks whether a bundle is enabled for
 * the build-id of the program or of a library that is loaded with it. If so, it loads the library that lies beside it,
 * which applies the bundle (inside/start.c). If not, it has tried to open a directory for each, and leaves nothing.
 *
 * It allocates nothing, needs the C library alone, and has no thread, handler or descriptor.
 *
 *     HOTFIX_AGENT=off     it does nothing
 *     HOTFIX_AGENT_STORE   of enabled bundles, in place of /var/lib/hotfix/enabled
 *     HOTFIX_AGENT_TRUST   the trust store, in place of /etc/hotfix/trust
 *
 * Whoever starts a program that has more rights than themselves has no say in these, nor in those of what that starts.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inside/protocol.h"
#include "shared/starts.h"

#define BUILDS_MAX  16 /* for which something is enabled, in one process */
#define EXIT_CONFIG 78 /* EX_CONFIG of sysexits.h: the configuration demands what cannot be */

typedef char build_text[HF_AGENT_BUILD_SIZE];

/* What is enabled and loaded. */
struct found {
    const char *store; /* its directory; NULL: the program's own build-id is looked for */
    build_text builds[BUILDS_MAX];
    size_t count;
    build_text program;
};

static void encode(const unsigned char *bytes, size_t size, build_text text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = '\0';
}

/* The build-id among the notes of a segment, which the dynamic linker has mapped. "" without one. */
static void read_build(const unsigned char *notes, size_t size, size_t alignment, build_text text)
{
    size_t pad = (alignment == 8 ? 8 : 4) - 1;

    text[0] = '\0';
    for (size_t at = 0; at + sizeof(ElfW(Nhdr)) <= size;) {
        ElfW(Nhdr) note;
        memcpy(&note, notes + at, sizeof(note));
        at += sizeof(note);
        if (note.n_namesz > size - at || note.n_descsz > size - at)
            return;
        size_t name = at, desc = (at + note.n_namesz + pad) & ~pad;
        if (desc > size || note.n_descsz > size - desc)
            return;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(ELF_NOTE_GNU) &&
            memcmp(notes + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0 && note.n_descsz > 0 &&
            note.n_descsz <= (HF_AGENT_BUILD_SIZE - 1) / 2) {
            encode(notes + desc, note.n_descsz, text);
            return;
        }
        at = (desc + note.n_descsz + pad) & ~pad;
    }
}

/* Tools that edit files leave notes where nothing is mapped, which the dynamic linker never looks at. */
static bool is_mapped(const struct dl_phdr_info *info, const ElfW(Phdr) * notes)
{
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_R) && notes->p_vaddr >= segment->p_vaddr &&
            notes->p_vaddr - segment->p_vaddr <= segment->p_filesz &&
            notes->p_memsz <= segment->p_filesz - (notes->p_vaddr - segment->p_vaddr))
            return true;
    }
    return false;
}

/* Needs one descriptor at a time, as the dynamic linker does: whoever may set limits could leave no second one. */
static bool is_enabled(const char *store, const char *build)
{
    static char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s", store, build) >= (int)sizeof(path))
        return false;
    /* By the call that the dynamic linker makes itself: filters that permit this program to start permit it. */
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0)
        close(directory);
    return directory >= 0;
}

static int visit(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct found *found = arg;
    build_text text = "";

    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum && !text[0]; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_NOTE && is_mapped(info, segment))
            read_build((const unsigned char *)(info->dlpi_addr + segment->p_vaddr), segment->p_memsz, segment->p_align,
                       text);
    }
    if (!found->store) { /* the program is the first */
        memcpy(found->program, text, sizeof(text));
        return 1;
    }
    if (text[0] && is_enabled(found->store, text))
        memcpy(found->builds[found->count++], text, sizeof(text));
    return found->count == BUILDS_MAX;
}

/* As getdents64(2) has it. */
struct entry {
    uint64_t inode;
    int64_t next;
    unsigned short size;
    unsigned char type;
    char name[];
};

/* Somebody else's mark could only keep programs from starting. */
static bool is_demand(int directory, const char *name)
{
    const char *ending = strrchr(name, '.');
    struct stat status;

    return ending && strcmp(ending, ".required") == 0 && fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(status.st_mode) && (status.st_uid == 0 || status.st_uid == geteuid());
}

/* Is a bundle demanded of this program? For where the library cannot tell, perhaps for want of memory. */
static bool is_demanded(const char *store, const char *build)
{
    char path[PATH_MAX];
    char buffer[4096] __attribute__((aligned(8)));
    bool demanded = false;
    long got;

    if (snprintf(path, sizeof(path), "%s/%s", store, build) >= (int)sizeof(path))
        return false;
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (directory >= 0 && (got = syscall(SYS_getdents64, directory, buffer, sizeof(buffer))) > 0) {
        for (long at = 0; at < got;) {
            const struct entry *entry = (const struct entry *)(buffer + at);
            demanded |= is_demand(directory, entry->name);
            at += entry->size;
        }
    }
    if (directory >= 0)
        close(directory);
    return demanded;
}

/* In place of a start. */
static void refuse(const char *message)
{
    char text[HF_AGENT_MESSAGE_SIZE + PATH_MAX];

    int length =
        snprintf(text, sizeof(text), "hotfix-agent: %s is not started: %s\n", program_invocation_name, message);
    if (length >= (int)sizeof(text))
        length = (int)sizeof(text) - 1;
    ssize_t written = write(STDERR_FILENO, text, (size_t)length);
    (void)written; /* nobody else is there to be told */
    _exit(EXIT_CONFIG);
}

/* The file beside this one. */
static void *open_library(void)
{
    char path[PATH_MAX];
    Dl_info self;

    if (dladdr((void *)(uintptr_t)visit, &self) == 0 || !self.dli_fname)
        return NULL;
    const char *slash = strrchr(self.dli_fname, '/');
    int length = slash ? (int)(slash - self.dli_fname) + 1 : 0;
    if (snprintf(path, sizeof(path), "%.*s" HF_AGENT_INSIDE, length, self.dli_fname) >= (int)sizeof(path))
        return NULL;
    return dlopen(path, RTLD_NOW | RTLD_GLOBAL);
}

static void apply(const char *store, const struct found *found)
{
    const char *trust = secure_getenv("HOTFIX_AGENT_TRUST");
    const char *builds[BUILDS_MAX];
    struct hf_agent_start request = {.size = sizeof(request),
                                     .store = store,
                                     .trust = trust ? trust : HF_AGENT_TRUST,
                                     .program = found->program,
                                     .builds = builds,
                                     .build_count = found->count};

    for (size_t i = 0; i < found->count; i++)
        builds[i] = found->builds[i];
    void *library = open_library();
    int (*start)(struct hf_agent_start *) = NULL;
    if (library)
        *(void **)&start = dlsym(library, HF_AGENT_START);
    if (start) {
        if (start(&request) != 0)
            refuse(request.message);
    } else {
        request.unread = UINT64_MAX;
        snprintf(request.message, sizeof(request.message),
                 "a bundle is demanded, and " HF_AGENT_INSIDE " beside the agent cannot be loaded");
    }
    for (size_t i = 0; i < found->count; i++) {
        if ((request.unread >> i & 1) && is_demanded(store, builds[i]))
            refuse(request.message);
    }
}

/* A record of the program that this process was before its exec. By its memory: to write to a file may be forbidden. */
static void note_well(const char *name)
{
    char path[sizeof(HF_STARTS_DIRECTORY) + HF_STARTS_NAME];
    struct stat status;
    void *memory = MAP_FAILED;

    if (strchr(name, '/'))
        return;
    snprintf(path, sizeof(path), HF_STARTS_DIRECTORY "/%s", name);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
        status.st_size == (off_t)sizeof(struct hf_start_record))
        memory = mmap(NULL, sizeof(struct hf_start_record), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED)
        return;
    struct hf_start_record *record = memory;
    if (memcmp(record->magic, HF_STARTS_MAGIC, sizeof(record->magic)) == 0 && record->pid == getpid())
        record->well = 1;
    munmap(memory, sizeof(*record));
}

/* Had this process an enabled bundle before an exec? */
static void note_exec(void)
{
    char path[HF_STARTS_NAME], name[HF_STARTS_NAME];
    struct stat status;

    if (getauxval(AT_SECURE))
        return;
    snprintf(path, sizeof(path), HF_STARTS_DIRECTORY "/" HF_STARTS_EXEC, (int)getpid(), (unsigned int)geteuid());
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    bool own = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid();
    while (own && read(fd, name, sizeof(name)) == (ssize_t)sizeof(name)) {
        name[sizeof(name) - 1] = '\0';
        note_well(name);
    }
    close(fd);
    if (own)
        unlink(path);
}

/* As the dynamic linker does with its own: what this program starts may have all its rights, and no sign of that. */
static void drop_environment(void)
{
    unsetenv("HOTFIX_AGENT");
    unsetenv("HOTFIX_AGENT_STORE");
    unsetenv("HOTFIX_AGENT_TRUST");
}

__attribute__((constructor)) static void begin(void)
{
    int saved = errno;
    if (getauxval(AT_SECURE))
        drop_environment();
    const char *store = secure_getenv("HOTFIX_AGENT_STORE");
    const char *how = secure_getenv("HOTFIX_AGENT");
    static struct found found; /* the stack may be small */

    if (how && strcmp(how, "off") == 0)
        return;
    if (!store)
        store = HF_AGENT_STORE;
    int directory = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        close(directory);
        note_exec();
        found.store = store;
        dl_iterate_phdr(visit, &found);
    }
    if (found.count > 0) {
        found.store = NULL;
        dl_iterate_phdr(visit, &found);
        apply(store, &found);
    }
    errno = saved;
}
