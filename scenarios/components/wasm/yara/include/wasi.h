/* Comes before every file of libyara. */
#ifndef YARA_WASI_H
#define YARA_WASI_H
/* Memory that is read cannot go away under the scanner: nothing is mapped, so nothing is caught. */
#define YR_EXCEPTION_H
struct sigaction {
    int none;
};
#include <yara/globals.h>
typedef struct {
    void *memfault_from;
    void *memfault_to;
    void *jump_back;
} jumpinfo;
#define YR_TRYCATCH(wanted, body, caught)                                                          \
    do {                                                                                           \
        body                                                                                       \
    } while (0)
#endif
