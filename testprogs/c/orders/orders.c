/*
 * orders: calls that send packets, which a network may lose.
 *
 * Truth: with "tcp ADDRESS N", send_order("order-1") to send_order("order-N")
 * run at the same time, each in a thread of its own; send_order("order-I") connects
 * to port 80+I of the IPv4 address and gives up after 3500 ms. If it is connected,
 * it reads until the other end closes, or for 3500 ms.
 * With "udp ADDRESS", ask("lost") sends a datagram to port 81 of the address and
 * waits for an answer, and does so again every 200 ms, at most 20 times. Then
 * ask("fine") does the same with port 82.
 * With "talk ADDRESS", talk() is called 5 times: it connects to port 90 of the
 * address, sends a byte, and closes without having read what came.
 * Prints (tcp 127.0.0.1 2):
 *   calls send_order = 2
 * Prints (udp 127.0.0.1):
 *   calls ask = 2
 * Prints (talk 127.0.0.1):
 *   calls talk = 5
 */
#include "../protocol.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#define MAX_ORDERS 16
#define PATIENCE_MS 3500
#define ASK_AGAIN_MS 200

static const char *address;
static char outcomes[MAX_ORDERS][64];

static struct sockaddr_in place(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		abort();
	return to;
}

/* wait_for returns what poll says of a socket within so many milliseconds. */
static int wait_for(int fd, int events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	long end = now_ns() + ms * 1000000L, left;
	int n;

	do {
		left = (end - now_ns() + 999999) / 1000000;
		n = poll(&p, 1, left > 0 ? left : 0);
	} while (n < 0 && errno == EINTR);
	return n;
}

PROBED const char *send_order(const char *id)
{
	int port = 80 + atoi(strchr(id, '-') + 1), error = 0;
	struct sockaddr_in to = place(port);
	socklen_t len = sizeof(error);
	const char *outcome = "timed-out";
	char answer[64];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		abort();
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS) {
		outcome = strerrorname_np(errno);
	} else if (wait_for(fd, POLLOUT, PATIENCE_MS) > 0) {
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
		outcome = error ? strerrorname_np(error) : "connected";
		while (!error && wait_for(fd, POLLIN, PATIENCE_MS) > 0 && read(fd, answer, sizeof(answer)) > 0)
			;
	}
	close(fd);
	KEEP(id);
	return outcome;
}

static void *order(void *arg)
{
	long i = (long)arg;
	char id[16];

	snprintf(id, sizeof(id), "order-%ld", i);
	snprintf(outcomes[i - 1], sizeof(outcomes[0]), "%s %s", id, send_order(id));
	return NULL;
}

PROBED int ask(const char *id)
{
	struct sockaddr_in to = place(strcmp(id, "lost") ? 82 : 81);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), asked = 0;
	char answer[64];

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		abort();
	for (int answered = 0; !answered && asked < 20; asked++) {
		send(fd, id, strlen(id), 0);
		answered = wait_for(fd, POLLIN, ASK_AGAIN_MS) > 0 && recv(fd, answer, sizeof(answer), 0) > 0;
	}
	close(fd);
	KEEP(id);
	return asked;
}

PROBED int talk(void)
{
	struct sockaddr_in to = place(90);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int failed = fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) || send(fd, "x", 1, 0) != 1;

	close(fd);
	KEEP(failed);
	return failed;
}

static void send_orders(long n)
{
	pthread_t threads[MAX_ORDERS];

	for (long i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, order, (void *)(i + 1)))
			abort();
	for (long i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		printf("# %s\n", outcomes[i]);
	}
	calls("send_order", n);
}

int main(int argc, char **argv)
{
	long n = number(argc, argv, 3, 1);
	int failed = 0;

	if (argc < 3 || n < 1 || n > MAX_ORDERS)
		return 2;
	address = argv[2];
	ready();
	if (!strcmp(argv[1], "tcp")) {
		send_orders(n);
	} else if (!strcmp(argv[1], "udp")) {
		printf("# lost asked %d times\n", ask("lost"));
		printf("# fine asked %d times\n", ask("fine"));
		calls("ask", 2);
	} else {
		for (int i = 0; i < 5; i++)
			failed += talk();
		printf("# %d failed\n", failed);
		calls("talk", 5);
	}
	return done();
}
