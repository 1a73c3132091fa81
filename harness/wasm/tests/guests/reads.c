/* Reads a file sixteen times, 64 KiB at a time. */
#include <fcntl.h>
#include <unistd.h>

static char bytes[64 << 10];

int main(void) {
    for (int i = 0; i < 16; i++) {
        int fd = open("/file", O_RDONLY);
        if (fd < 0) {
            return 1;
        }
        while (read(fd, bytes, sizeof bytes) > 0) {
        }
        close(fd);
    }
    return 0;
}
