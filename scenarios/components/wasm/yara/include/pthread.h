/* A guest has one thread: nothing is ever held by another. */
#ifndef NO_PTHREAD_H
#define NO_PTHREAD_H
#include <sys/types.h>
#define PTHREAD_MUTEX_INITIALIZER {0}
#define pthread_self() ((pthread_t)1)
#define pthread_mutex_init(mutex, how) ((void)(mutex), (void)(how), 0)
#define pthread_mutex_destroy(mutex) ((void)(mutex), 0)
#define pthread_mutex_lock(mutex) ((void)(mutex), 0)
#define pthread_mutex_unlock(mutex) ((void)(mutex), 0)
/* In yara.c. */
int pthread_key_create(pthread_key_t *key, void (*end)(void *));
int pthread_key_delete(pthread_key_t key);
int pthread_setspecific(pthread_key_t key, const void *value);
void *pthread_getspecific(pthread_key_t key);
#endif
