/* libyara jumps only where its memory or its parser's state is at an end: here that ends the guest. */
#ifndef NO_SETJMP_H
#define NO_SETJMP_H
#include <stdlib.h>
typedef int jmp_buf[1];
typedef int sigjmp_buf[1];
#define setjmp(place) ((void)(place), 0)
#define sigsetjmp(place, mask) ((void)(place), (void)(mask), 0)
#define longjmp(place, value) ((void)(place), (void)(value), abort())
#define siglongjmp(place, value) longjmp(place, value)
#endif
