/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libhotfix: applies signed hotfix bundles inside the running program.
 *
 *     struct hotfix_options options = HOTFIX_OPTIONS_INIT;
 *     options.trust = "/etc/webapp/trust";
 *     struct hotfix *hotfix;
 *     struct hotfix_error error;
 *     if (hotfix_open(&options, &hotfix, &error) != 0) ...
 *
 *     struct hotfix_result result = HOTFIX_RESULT_INIT;
 *     if (hotfix_apply(hotfix, "/srv/fixes/discount-1.hotfix", &result) != 0)
 *         fprintf(stderr, "%s\n", result.error.message);
 *     hotfix_result_deinit(&result);
 *
 * The library never exits, aborts or prints, starts no thread, installs no lasting signal handler, and costs nothing
 * until it is called. All functions are thread-safe; applies and reverts run one at a time in a process, later callers
 * wait. What is applied belongs to the process, not to a handle: closing a handle reverts nothing.
 *
 * Do not call it from a signal handler, nor from a child of vfork. A caller needs at most 64 KiB of free stack
 * (HOTFIX_STACK_SIZE). It may itself run inside a function that is being patched: that call finishes in the old code.
 * The calling thread is not cancelled (pthread_cancel) before the call returns. A call from a log callback, a patcher
 * or a hook of a patch is refused with HOTFIX_USAGE; the shadow functions alone may be called from a hook.
 *
 * A target library stays loaded as long as a bundle is applied to it: dlclose() takes effect after the revert. A child
 * of fork has the bundles that its parent had applied at that moment, and may apply and revert, even if another thread
 * of the parent was inside this library. While this library uses the dynamic linker, fork() waits for at most a second.
 *
 * A patch may define hooks, with C linkage and default visibility, that run outside the stop on the calling thread:
 *
 *     int hotfix_on_apply(void);    after staging, right before the switch; anything but 0 refuses the apply
 *     void hotfix_on_revert(void);  after the switch back, also when an apply fails after hotfix_on_apply() agreed
 *
 * A hook may call no functions of this library but the shadow functions, with which a patch gives existing objects new
 * fields.
 */
#ifndef HOTFIX_H
#define HOTFIX_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HOTFIX_API __attribute__((visibility("default")))

#define HOTFIX_VERSION_MAJOR 0
#define HOTFIX_VERSION_MINOR 1
#define HOTFIX_STACK_SIZE    65536
#define HOTFIX_ID_TEXT_SIZE  33  /* a bundle id: 32 hexadecimal digits and NUL */
#define HOTFIX_NAME_SIZE     65  /* a bundle's name or version, NUL included */
#define HOTFIX_TARGET_SIZE   256 /* a target's file name, NUL included; longer ones are cut */

/* A handle: a trust store and a log callback. */
struct hotfix;

enum hotfix_log_level { HOTFIX_LOG_ERROR, HOTFIX_LOG_INFO, HOTFIX_LOG_DEBUG };

/*
 * Receives each log line, without newline, while it is made, on the thread that called the library, never while threads
 * are stopped. text is valid during the call. Must not call the library.
 */
typedef void (*hotfix_log_fn)(enum hotfix_log_level level, const char *text, void *arg);

/*
 * Options of hotfix_open(). size lets later versions add fields: initialise with HOTFIX_OPTIONS_INIT.
 *
 * With a staging directory, a patch is written to a separate file there (libhotfix-patch-ID.so; if that exists,
 * libhotfix-patch-ID.NUMBER.so), which only its owner may read, and the dynamic linker opens it from there. So perf,
 * gdb and backtraces find its symbols by the file, and it works where memfds may not be executed. The file stays as
 * long as the patch is mapped; it is removed when the patch is unloaded (enum hotfix_unload) and when an apply fails.
 * Files of ended processes stay: use a directory that is removed with the service, as RuntimeDirectory= of systemd
 * does. Only this user and root may be able to write to it or to replace it, and its file system must not be noexec.
 *
 * With a state, only bundles with a sequence number are applied, and none whose number is lower than that of a bundle
 * applied before to a target of the same name: the file contains these numbers, and is written before any part of a
 * bundle is loaded. It must exist already, unless the policy accepts its loss: see hotfix-trust(5), which says how to
 * make it. Only this user and root may be able to write to it or to replace it; several processes may share it.
 */
struct hotfix_options {
    size_t size;
    const char *trust; /* path of the trust store: a public key file, a directory of them, or a policy
                          file; required */
    hotfix_log_fn log; /* may be NULL */
    void *log_arg;
    const char *staging; /* directory that patches are written to and loaded from; NULL: memfds */
    const char *state;   /* file with the sequence numbers of applied bundles; NULL: bundles of any age are applied */
};
#define HOTFIX_OPTIONS_INIT                                                                                            \
    {                                                                                                                  \
        sizeof(struct hotfix_options), NULL, NULL, NULL, NULL, NULL                                                    \
    }

/*
 * Reads the trust store and looks at the staging directory, if one is given. On success *hotfix is a new handle.
 * HOTFIX_USAGE, HOTFIX_TRUST, HOTFIX_IO, HOTFIX_STAGE, HOTFIX_MEMORY.
 */
HOTFIX_API int hotfix_open(const struct hotfix_options *options, struct hotfix **hotfix, struct hotfix_error *error);

/* Frees the handle; applied bundles stay applied. NULL is fine. No call with this handle may be under way. */
HOTFIX_API void hotfix_close(struct hotfix *hotfix);

/*
 * The next item of an array that the library returns (of functions, signers, applied or armed bundles). Each item
 * begins with its size, which may be larger in a later version of the library than the program knows.
 */
#define HOTFIX_NEXT(item) ((__typeof__(item))(const void *)((const char *)(item) + (item)->size))

/* One function of a bundle, as addresses in this process. */
struct hotfix_function {
    size_t size; /* for HOTFIX_NEXT() */
    const char *name;
    const char *source; /* "" when unknown */
    void *old_address;  /* in the target */
    size_t old_size;
    void *new_address; /* in the patch */
    size_t new_size;
    void *previous_address; /* where calls arrive without this bundle: old_address, or an earlier bundle's function; in
                               the result of an apply also that of a superseded bundle */
    size_t entry_skip;      /* bytes of a landing pad (endbr64) at old_address that a detour leaves in place */
};

/*
 * Wall-clock time in nanoseconds (CLOCK_MONOTONIC). verify: reading, verifying and checking. stage: loading and
 * preparing, including the hook. pause: the longest time for which any other thread was stopped without a break. total:
 * everything, including waiting for another apply.
 */
struct hotfix_cost {
    uint64_t verify;
    uint64_t stage;
    uint64_t pause;
    uint64_t total;
};

/* A bundle that is or was applied. */
struct hotfix_applied {
    size_t size; /* for HOTFIX_NEXT() */
    char id[HOTFIX_ID_TEXT_SIZE];
    char name[HOTFIX_NAME_SIZE];
    char version[HOTFIX_NAME_SIZE];
    size_t function_count;
};

/*
 * A key of the trust store that signed a bundle, or an authority that vouches for the signer. key_id is 32 hexadecimal
 * digits: the first half of the SHA-256 of the public key, or of the authority's certificate.
 */
struct hotfix_signer {
    size_t size;      /* for HOTFIX_NEXT() */
    const char *name; /* in the trust store */
    char key_id[HOTFIX_ID_TEXT_SIZE];
};

/*
 * What an apply or a revert did: filled in on success and on failure. Initialise with HOTFIX_RESULT_INIT; free its
 * memory with hotfix_result_deinit(), after which it can be used again. Pointers in it are valid until then.
 */
struct hotfix_result {
    size_t size;
    struct hotfix_error error;    /* code HOTFIX_OK on success */
    char id[HOTFIX_ID_TEXT_SIZE]; /* "" when the bundle was refused before its id was known */
    char name[HOTFIX_NAME_SIZE];
    char version[HOTFIX_NAME_SIZE];
    const struct hotfix_function *functions; /* the functions that were switched; none on failure */
    size_t function_count;
    struct hotfix_cost cost;
    const char *log; /* the debug log, lines ended by \n; "" when there is none; never NULL after a call */
    void *storage;   /* the library's */
    const struct hotfix_applied *superseded; /* bundles that the applied one superseded, newest first */
    size_t superseded_count;
    const struct hotfix_signer *signers; /* keys whose signatures counted; also if the apply failed later */
    size_t signer_count;
    /*
     * As cost.pause, but only for threads that were running, or waiting for a processor, when they were stopped
     * (sleeping threads are stopped first). 0 if there were none.
     */
    uint64_t running_pause;
};
#define HOTFIX_RESULT_INIT                                                                                             \
    {                                                                                                                  \
        sizeof(struct hotfix_result), {HOTFIX_OK, 0, ""}, "", "", "", NULL, 0, {0, 0, 0, 0}, "", NULL, NULL, 0, NULL,  \
            0, 0                                                                                                       \
    }

HOTFIX_API void hotfix_result_deinit(struct hotfix_result *result);

/*
 * Verifies the bundle in a file, stages it, stops the threads and switches all its functions, or changes nothing.
 *
 * Applied bundles that its manifest supersedes are reverted in the same stop; if the apply fails, they stay applied. If
 * the new bundle does not replace one of their functions, calls of it arrive where they would without the superseded
 * bundle. Superseded bundles are in the result and no longer in the list; their hotfix_on_revert() runs after the stop,
 * newest first. Their code stays mapped, unless the options ask for unloading. Superseded bundles that are not applied
 * are ignored. If another patcher applied one of them, the apply is refused with HOTFIX_PATCHER. A later revert of the
 * new bundle does not bring them back: apply them again.
 *
 * Returns 0, or -1 with result->error. result may be NULL. Every enum hotfix_code but NOT_APPLIED can come out.
 */
HOTFIX_API int hotfix_apply(struct hotfix *hotfix, const char *path, struct hotfix_result *result);

/* As hotfix_apply(), from size bytes in memory, which are only read, and are not used after the call. */
HOTFIX_API int hotfix_apply_memory(struct hotfix *hotfix, const void *bundle, size_t size,
                                   struct hotfix_result *result);

/*
 * Restores the functions of an applied bundle. id is its 32-digit id, or NULL for the bundle applied last. A function
 * that a later bundle replaced, too, keeps that bundle's version; one that an earlier bundle replaced gets that
 * bundle's version again. A bundle that is armed (hotfix_arm()) is disarmed by its id. The patch's code stays mapped,
 * since threads may still be in it (but see enum hotfix_unload). After a revert the same bundle may be applied again.
 * HOTFIX_NOT_APPLIED, HOTFIX_USAGE, HOTFIX_STOP, HOTFIX_BUSY, HOTFIX_SWITCH, HOTFIX_PATCHER, HOTFIX_MEMORY.
 */
HOTFIX_API int hotfix_revert(struct hotfix *hotfix, const char *id, struct hotfix_result *result);

/*
 * Lists the bundles that are applied in this process, oldest first: *list is one block that the caller frees with
 * free(), NULL when *count is 0. HOTFIX_MEMORY.
 */
HOTFIX_API int hotfix_list(struct hotfix *hotfix, struct hotfix_applied **list, size_t *count,
                           struct hotfix_error *error);

/* The fully resolved request that a patcher works on. Valid until the patcher's finish() returns. */
struct hotfix_request {
    size_t size;
    const struct hotfix_function *functions;
    size_t function_count;
    const char *module; /* path of the target module as the dynamic linker names it; "" for the main program */
    void *module_base;  /* its load base */
    void *patch_base;   /* load base of the staged patch.so */
    void (*log)(const struct hotfix_request *request,
                const char *text); /* adds a debug line; not while threads are stopped */
    void *storage;                 /* the library's */
};

/*
 * How functions are switched. A patcher is a const table that must outlive every bundle applied with it: a bundle is
 * reverted by the patcher that applied it. Called in this order, on the thread that called the library:
 *
 *   prepare before the stop: allocate, check; *state, NULL at first, is then passed to the others. May be NULL. apply
 *   while all other threads are stopped: switch every function to its new_address, or none. Must not be NULL. revert
 *   likewise: switch every function to its previous_address, or none. Must not be NULL. finish after the threads run
 *   again, once for each prepare that succeeded: free state. May be NULL.
 *
 * One operation calls either apply or revert, or neither if the threads could not be stopped. Both must not call
 * anything that allocates, locks or binds lazily. A revert's request has only the functions that no later bundle has
 * replaced.
 *
 * An apply that supersedes bundles has several requests, each with its own state, all prepared before the stop: one for
 * each superseded bundle that has functions which the new one does not replace, newest first, then one for the new
 * bundle. In one stop revert is called for the superseded bundles, and then apply for the new one. If one of these
 * calls fails, apply is called, in reverse order, for the bundles that were reverted: every function gets its
 * new_address again.
 *
 * A function that is replaced already can be replaced again only through the same patcher.
 *
 * prepare, apply and revert return 0, or -1 with error set (a code left at HOTFIX_OK becomes HOTFIX_PATCHER). If apply
 * or revert fails, the library itself restores the changed code of the old functions; the patcher must undo everything
 * else that it did.
 */
struct hotfix_patcher {
    size_t size;
    const char *name;
    void *arg; /* passed through */
    int (*prepare)(const struct hotfix_request *request, void *arg, void **state, struct hotfix_error *error);
    int (*apply)(const struct hotfix_request *request, void *arg, void *state, struct hotfix_error *error);
    int (*revert)(const struct hotfix_request *request, void *arg, void *state, struct hotfix_error *error);
    void (*finish)(const struct hotfix_request *request, void *arg, void *state);
};

/* The built-in patcher: a detour at each function's entry. A program's own patcher may wrap it. */
HOTFIX_API const struct hotfix_patcher *hotfix_builtin_patcher(void);

/* As hotfix_apply() with the given patcher; patcher NULL means the built-in one. */
HOTFIX_API int hotfix_apply_with(struct hotfix *hotfix, const char *path, const struct hotfix_patcher *patcher,
                                 struct hotfix_result *result);

/*
 * What must hold for the other threads at the moment of the switch. Immediate: they may be inside the functions and
 * finish these calls in the old code. Quiescent: no thread, the caller included, runs in, or is to return to, a version
 * of a function that the switch takes out of use. This is needed if functions, or the data that they share, change
 * together. A bundle may demand it itself (`hotfix pack --quiescent`): its apply and revert are then always quiescent.
 */
enum hotfix_quiescence { HOTFIX_IMMEDIATE, HOTFIX_QUIESCENT };

/*
 * What happens to the code and data of a reverted or superseded patch. Kept: they stay mapped for ever, since threads
 * may be in the code, and the program may have pointers to both. Unloaded: they are unmapped as by dlclose() if the
 * library finds no reason against it, else kept; the log says which, and why.
 *
 * Reasons against it: no stop within the deadline finds all threads outside of the patch; a word that points into it is
 * on a thread's stack, in a general register, or at an aligned address in the memory of the process, including an
 * unreleased result of the apply; a signal handler is in it; it has thread-local variables; somebody else has opened
 * it.
 *
 * Not detected: pointers that are encoded, unaligned or known only to the kernel or another process; those that the
 * calling thread has only in local variables; and, since other threads run during the search, a pointer that they keep
 * moving from place to place. Whoever asks for unloading guarantees that there are none of these. The search reads a
 * few GiB of the process's memory per second, while the threads run; they are stopped twice, each time within the
 * deadline.
 */
enum hotfix_unload { HOTFIX_KEEP, HOTFIX_UNLOAD };

/*
 * How one bundle is applied or reverted. size lets later versions add fields: initialise with
 * HOTFIX_APPLY_OPTIONS_INIT, which means the behaviour of hotfix_apply() and hotfix_revert().
 */
struct hotfix_apply_options {
    size_t size;
    const struct hotfix_patcher *patcher; /* NULL: the built-in one; not used by a revert */
    enum hotfix_quiescence quiescence;
    uint64_t deadline_ns;      /* from the first thread stopped to the last resumed, for all attempts; 0: 100 ms */
    enum hotfix_unload unload; /* for a revert, and for the bundles that an apply supersedes */
};
#define HOTFIX_APPLY_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        sizeof(struct hotfix_apply_options), NULL, HOTFIX_IMMEDIATE, 0, HOTFIX_KEEP                                    \
    }

/*
 * As hotfix_apply(), hotfix_apply_memory() and hotfix_revert(), with options; NULL means the defaults.
 *
 * A quiescent apply waits until no thread is inside the old functions, or inside the versions by which applied bundles
 * replaced them; a quiescent revert waits until no thread is inside the functions that it takes out of use; an apply
 * that supersedes bundles waits for both. Meanwhile the threads are resumed and stopped again. HOTFIX_BUSY if a thread
 * is still inside at the deadline: the message gives the thread's id, its name and the function.
 *
 * Not detected: stacks that no thread runs on at that moment, such as those of coroutines, unless they are registered
 * (hotfix_stack_register()), and code of bundles that are no longer applied. Parts that the compiler moved out of a
 * function (NAME.cold) count as the function if the symbols showed them to the packager. Any word on a stack that looks
 * like a return address counts as one, so a function may seem to be in use although it is not.
 */
HOTFIX_API int hotfix_apply_opt(struct hotfix *hotfix, const char *path, const struct hotfix_apply_options *options,
                                struct hotfix_result *result);
HOTFIX_API int hotfix_apply_memory_opt(struct hotfix *hotfix, const void *bundle, size_t size,
                                       const struct hotfix_apply_options *options, struct hotfix_result *result);
HOTFIX_API int hotfix_revert_opt(struct hotfix *hotfix, const char *id, const struct hotfix_apply_options *options,
                                 struct hotfix_result *result);

/*
 * Arms a bundle for a library that may not be loaded yet. The bundle is verified now (signature, form, expiry, CPU), so
 * that a bad one is refused at once, and a copy is kept. If its target is loaded already it is applied at once, as by
 * hotfix_apply_opt(). Otherwise 0 is returned with no functions in the result, and the bundle waits for hotfix_dlopen()
 * or hotfix_apply_armed(). options may be NULL; a patcher in them must exist as long as the bundle is armed or applied.
 *
 * Nothing watches the dynamic linker: an armed bundle takes effect in those two calls, and costs nothing otherwise. A
 * library that is loaded by a plain dlopen(), by a dlopen() of another library, or by the C library, runs unpatched
 * until the program calls hotfix_apply_armed(). Constructors of the library have always run by then. Libraries in a
 * namespace of dlmopen() are not found.
 *
 * Armed bundles belong to the process, not to a handle; a child of fork has them, too. hotfix_revert() with the id of
 * an armed bundle disarms it. Once applied, a bundle is no longer armed: after its revert it must be armed again. Only
 * applied bundles are superseded: an armed one that another bundle supersedes stays armed until it is disarmed.
 * HOTFIX_APPLIED if the bundle is armed or applied already; otherwise as hotfix_apply_opt().
 */
HOTFIX_API int hotfix_arm(struct hotfix *hotfix, const char *path, const struct hotfix_apply_options *options,
                          struct hotfix_result *result);

/*
 * Applies every armed bundle whose target is loaded by now, in the order of arming, each completely or not at all,
 * verified again with this handle's trust store. Call it after a dlopen(), before the library is used. A bundle that
 * fails stays armed, is logged through the handle, and hotfix_list_armed() gives the reason; the others are applied
 * nevertheless. A library with the target's name but another build-id is logged and listed in the same way, and is not
 * a failure.
 *
 * Returns 0, or -1 with the first failure, as hotfix_apply_opt(). *count, when not NULL, is the number applied.
 */
HOTFIX_API int hotfix_apply_armed(struct hotfix *hotfix, size_t *count, struct hotfix_error *error);

/*
 * dlopen() followed by hotfix_apply_armed(). Returns the handle of dlopen(), for dlclose(), or NULL with
 * HOTFIX_NO_TARGET if the library cannot be loaded. If it is loaded, error has the outcome of hotfix_apply_armed():
 * HOTFIX_OK, or why a bundle was not applied. The file is searched for as if libhotfix had called dlopen(): give a path
 * if the program's own run path matters. RTLD_NOLOAD and the other flags are passed on.
 */
HOTFIX_API void *hotfix_dlopen(struct hotfix *hotfix, const char *file, int flags, struct hotfix_error *error);

/* One armed bundle. */
struct hotfix_armed {
    size_t size; /* for HOTFIX_NEXT() */
    char id[HOTFIX_ID_TEXT_SIZE];
    char name[HOTFIX_NAME_SIZE];
    char version[HOTFIX_NAME_SIZE];
    char target[HOTFIX_TARGET_SIZE]; /* file name of the library that it waits for */
    struct hotfix_error error;       /* why the last attempt failed; HOTFIX_OK if there was none */
};

/* Lists the armed bundles, in the order of arming; as hotfix_list(). HOTFIX_MEMORY. */
HOTFIX_API int hotfix_list_armed(struct hotfix *hotfix, struct hotfix_armed **list, size_t *count,
                                 struct hotfix_error *error);

/*
 * Registers a stack that threads leave and enter again, such as a coroutine's: the size bytes from low on, its lowest
 * address. Quiescent applies and reverts then find return addresses on it even while no thread runs on it: they fail
 * with HOTFIX_BUSY, and the message names the stack by low. The stack pointer is not known, so the whole stack is read
 * while threads are stopped. So a stale return address delays the switch until it is overwritten, and many or large
 * stacks lengthen the stop (but memory of the stack that was never touched hardly does). Parts that are not mapped, or
 * not readable and writable (a guard page), are left out; the stop is shorter if the range has none.
 *
 * Register a stack before anything runs on it, and unregister it before its memory is freed or used for anything else.
 * Both functions may be called from any thread, also during an apply, from the hooks of a patch, and on the stack
 * itself, but not from a signal handler. They take no lock; a child of fork has its parent's registered stacks.
 *
 * Returns 0, or -1 with errno: EINVAL for no address, no size or a range that wraps around, EEXIST if a stack is
 * registered at low, ENOMEM. Without registered stacks there is no cost.
 */
HOTFIX_API int hotfix_stack_register(const void *low, size_t size);

/* Forgets the stack that is registered at low. Returns 0, or -1 with ENOENT if there is none. */
HOTFIX_API int hotfix_stack_unregister(const void *low);

/*
 * Shadow data: fields that a patch adds to objects whose struct must keep its layout, since such objects exist already.
 * A block of these fields belongs to an object's address and a 64-bit id, which the patch's author picks: a later patch
 * that uses the same id finds the data again. The library never dereferences the object's address. It must not be NULL.
 *
 * Blocks are zeroed, aligned as by malloc(), and owned by the library until they are detached, which frees them: nobody
 * may use a block after that. Detach the block when the object is freed, in a patched version of the function that
 * frees it: otherwise a later object at the same address would get the block.
 *
 * All five functions may be called from any thread and from the hooks of a patch, not from a signal handler. They hold
 * no lock while a callback runs, so callbacks may call them; callbacks are not stored. errno says why a call failed.
 * Threads that use one block at the same time must synchronise themselves.
 *
 * hotfix_on_apply() and hotfix_on_revert() run while other threads run: objects may be made and freed meanwhile, and
 * after an immediate revert threads may still be inside the patch's functions, and use its blocks or attach new ones.
 * So a hotfix_on_revert() that detaches blocks needs HOTFIX_QUIESCENT, or a lock that the patch's functions hold.
 *
 * A child of fork has copies of all blocks, and may call these functions even if another thread of the parent was
 * inside one.
 */

/*
 * Initialises a new block before anybody else can see it; arg is the caller's. A result other than 0 refuses the block.
 * It must only fill in the block: the block is dropped if another thread attaches one meanwhile.
 */
typedef int (*hotfix_shadow_init_fn)(void *data, const void *object, void *arg);

/*
 * Releases what a block owns, before the block is freed, when it can no longer be found. The object may not exist any
 * more.
 */
typedef void (*hotfix_shadow_deinit_fn)(void *data, const void *object, void *arg);

/*
 * Attaches a block of size bytes to an object that has none of this id. init may be NULL. Returns the block, or NULL
 * with EEXIST if the object has one, EINVAL for no object or no size, ECANCELED if init refuses, ENOMEM.
 */
HOTFIX_API void *hotfix_shadow_attach(uint64_t id, const void *object, size_t size, hotfix_shadow_init_fn init,
                                      void *arg);

/*
 * Returns the object's block if it has one, without calling init; else as hotfix_shadow_attach(). Threads that call it
 * at the same time get the same block. EINVAL also if the existing block has another size.
 */
HOTFIX_API void *hotfix_shadow_get_or_attach(uint64_t id, const void *object, size_t size, hotfix_shadow_init_fn init,
                                             void *arg);

/* The object's block, or NULL when it has none; errno stays as it is. */
HOTFIX_API void *hotfix_shadow_get(uint64_t id, const void *object);

/* Detaches and frees the object's block. deinit may be NULL. Returns 0, or -1 with ENOENT when it has none. */
HOTFIX_API int hotfix_shadow_detach(uint64_t id, const void *object, hotfix_shadow_deinit_fn deinit, void *arg);

/*
 * As hotfix_shadow_detach() for all blocks of an id that exist when it is called; blocks that other threads attach
 * meanwhile may stay. Returns their number.
 */
HOTFIX_API size_t hotfix_shadow_detach_all(uint64_t id, hotfix_shadow_deinit_fn deinit, void *arg);

/* The library's version, "MAJOR.MINOR.PATCH"; static. */
HOTFIX_API const char *hotfix_version(void);

#ifdef __cplusplus
}
#endif
#endif
