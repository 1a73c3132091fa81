/* The start of a guest; realloc.c, where its host puts lists that it gives, is linked with it.
 *
 * Two things of wasi-libc and its linker stand in the way of the published preview-1 adapter. The
 * adapter keeps a page for itself, and wasi-libc before 2023 takes all memory that is there for its
 * heap, that page too, unless the adapter can ask it by `cabi_realloc`. And the linker would wrap
 * every export of a command, `cabi_realloc` too, in a function that runs the constructors, and these
 * call the host, which nothing may do while the host asks for memory. A program that calls the
 * constructors itself gets no such wrappers. Link it with -nostartfiles. */
#include <stdlib.h>

extern void __wasm_call_ctors(void);
extern void __wasm_call_dtors(void);
extern int __main_void(void);

__attribute__((export_name("_start"))) void _start(void) {
    __wasm_call_ctors();
    int code = __main_void();
    /* Flushes and closes what is open. */
    __wasm_call_dtors();
    if (code != 0) {
        _Exit(code);
    }
}
