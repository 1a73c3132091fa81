"""Tries to send by each way that Linux has, each in a process of its own.

Each way carries a token of its own, TOKEN-nn. Prints, for each: WAY nn ok, or WAY nn ERRNO CALL.
"""
import ctypes, errno, os, select, signal, socket, struct, sys, time

libc = ctypes.CDLL(None, use_errno=True)
TOKEN = b'way-out'
CALLS = ('socket', 'netlink', 'add_key', 'shmget', 'msgget', 'mq_open', 'sethostname', 'clock_settime')
REMOTE, REMOTE6 = '198.18.44.44', '2001:db8::44'


def call(name, number, *arguments):
    ctypes.set_errno(0)
    got = libc.syscall(number, *arguments)
    if got < 0:
        raise OSError(ctypes.get_errno(), name)
    return got


def sock(*kind):
    try:
        return socket.socket(*kind)
    except OSError as error:
        raise OSError(error.errno, 'socket')


def stream(family, address, token):
    with sock(family, socket.SOCK_STREAM) as out:
        out.settimeout(5)
        out.connect(address)
        out.sendall(token)
        out.shutdown(socket.SHUT_WR)
        out.recv(100)


def datagram(family, address, token, *options):
    with sock(family, socket.SOCK_DGRAM) as out:
        for option in options:
            out.setsockopt(*option)
        out.sendto(token, address)


def tcp(t): stream(socket.AF_INET, (REMOTE, 7001), t)
def tcp6(t): stream(socket.AF_INET6, (REMOTE6, 7001), t)
def udp(t): datagram(socket.AF_INET, (REMOTE, 7002), t)
def udp6(t): datagram(socket.AF_INET6, (REMOTE6, 7002), t)
def fragments(t): datagram(socket.AF_INET, (REMOTE, 7003), t + b'.' * 20000)
def multicast(t): datagram(socket.AF_INET, ('239.1.2.3', 7004), t)
def broadcast(t): datagram(socket.AF_INET, ('255.255.255.255', 7005), t, (socket.SOL_SOCKET, socket.SO_BROADCAST, 1))
def multicast6(t):
    datagram(socket.AF_INET6, ('ff02::1', 7006, 0, wire()), t)
def link_local(t):
    datagram(socket.AF_INET6, ('fe80::44', 7007, 0, wire()), t)
def udp_lite(t):
    with sock(socket.AF_INET, socket.SOCK_DGRAM, 136) as out: out.sendto(t, (REMOTE, 7008))
def sctp(t):
    with sock(socket.AF_INET, socket.SOCK_STREAM, 132) as out: out.connect((REMOTE, 7009)); out.send(t)
def dccp(t):
    with sock(socket.AF_INET, 6, 33) as out: out.connect((REMOTE, 7010)); out.send(t)
def raw_ip(t):
    with sock(socket.AF_INET, socket.SOCK_RAW, 200) as out: out.sendto(t, (REMOTE, 0))
def packet(t):
    with sock(socket.AF_PACKET, socket.SOCK_RAW, 0) as out: out.sendto(t, (name(), 0x88b5))
def odd_ethertype(t):
    with sock(socket.AF_PACKET, socket.SOCK_DGRAM, 0x9000) as out: out.sendto(t, (name(), 0x9000))
def icmp(t):
    with sock(socket.AF_INET, socket.SOCK_DGRAM, 1) as out:
        out.sendto(struct.pack('!BBHHH', 8, 0, 0, 1, 1) + t, (REMOTE, 0))
def icmp6(t):
    with sock(socket.AF_INET6, socket.SOCK_DGRAM, 58) as out:
        out.sendto(struct.pack('!BBHHH', 128, 0, 0, 1, 1) + t, (REMOTE6, 0))
def data_in_syn(t):
    with sock(socket.AF_INET, socket.SOCK_STREAM) as out: out.sendto(t, 0x20000000, (REMOTE, 7011))
def urgent(t):
    with sock(socket.AF_INET, socket.SOCK_STREAM) as out:
        out.connect((REMOTE, 7012))
        for byte in t: out.send(bytes([byte]), socket.MSG_OOB)
        out.shutdown(socket.SHUT_WR); time.sleep(.2)
def overlapping(t):
    # Two texts for the same numbers: only who may set the numbers (TCP_REPAIR) can send that.
    with sock(socket.AF_INET, socket.SOCK_STREAM) as out:
        out.connect((REMOTE, 7015))
        out.setsockopt(socket.IPPROTO_TCP, 19, 1)
        out.sendall(t)
def spoofed(t):
    with sock(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.IPPROTO_IP, 19, 1)  # IP_TRANSPARENT
        out.bind(('198.18.9.9', 0)); out.sendto(t, (REMOTE, 7013))
def ip_options(t):
    with sock(socket.AF_INET, socket.SOCK_DGRAM) as out:
        # A recorded route that is full already.
        out.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([7, 15, 16]) + t + b'\0\0\1')
        out.sendto(b'-', (REMOTE, 7014))
def dns(t):
    try: socket.getaddrinfo(t.decode() + '.name.example', 80)
    except socket.gaierror: pass
def source_port(t):
    with sock(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind(('', 40000 + int(t[-2:]))); out.sendto(t, (REMOTE, 7015))
def lo(t): datagram(socket.AF_INET, ('127.0.0.1', 7016), t)
def wire(): return next(n for n, name in socket.if_nameindex() if name != 'lo')
def name(): return next(name for n, name in socket.if_nameindex() if name != 'lo')
def netlink(kind, body):
    with sock(socket.AF_NETLINK, socket.SOCK_RAW, 0) as out:
        out.send(struct.pack('=IHHII', 16 + len(body), kind, 5, 1, 0) + body)
        code = struct.unpack('=i', out.recv(4096)[16:20])[0]
        if code: raise OSError(-code, 'netlink')
def attribute(kind, value): return struct.pack('=HH', 4 + len(value), kind) + value + b'\0' * (-len(value) % 4)
def new_interface(t): netlink(16, struct.pack('=BxHiII', 0, 0, 0, 0, 0) + attribute(18, attribute(1, b'dummy')))
def tunnel(t): netlink(16, struct.pack('=BxHiII', 0, 0, 0, 0, 0) + attribute(18, attribute(1, b'ipip')))
def vlan(t): netlink(16, struct.pack('=BxHiII', 0, 0, 0, 0, 0) + attribute(5, struct.pack('=I', wire())) + attribute(18, attribute(1, b'vlan')))
def rename(t): netlink(19, struct.pack('=BxHiII', 0, 0, wire(), 0, 0) + attribute(3, b'moved\0'))
def delete(t): netlink(17, struct.pack('=BxHiII', 0, 0, wire(), 0, 0))
def move(t): netlink(19, struct.pack('=BxHiII', 0, 0, wire(), 0, 0) + attribute(19, struct.pack('=I', os.getpid())))
def new_route(t): netlink(24, struct.pack('=BBBBBBBBI', 2, 32, 0, 0, 254, 3, 0, 1, 0) + attribute(1, socket.inet_aton('192.0.2.1')) + attribute(4, struct.pack('=I', wire())))
def family(number):
    return lambda t: sock(number, socket.SOCK_STREAM if number != 44 else socket.SOCK_RAW).close()
def alg(t): sock(38, 5).close()
def key_ring(t): call('add_key', 248, b'user', t, t, len(t), -2)
def sysv_memory(t): call('shmget', 29, 0x7761, 4096, 0o1600)
def sysv_queue(t): call('msgget', 68, 0x7761, 0o1600)
def posix_queue(t): call('mq_open', 240, t, os.O_CREAT | os.O_RDWR, 0o600, 0)
def unix(address):
    def way(t):
        with sock(socket.AF_UNIX, socket.SOCK_DGRAM) as hears, sock(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            hears.bind(address + t); out.sendto(t, address + t)
    return way
def host_socket(t):
    with sock(socket.AF_UNIX, socket.SOCK_STREAM) as out: out.connect('/run/dbus/system_bus_socket')
def tty(t): os.write(os.open('/dev/tty', os.O_RDWR), t)
def console(t): os.write(os.open('/dev/console', os.O_RDWR), t)
def kmsg(t): os.write(os.open('/dev/kmsg', os.O_WRONLY), t)
def escape(t): os.write(1, b'\x1b]52;c;' + t + b'\x07\n')
def file_left(t): open('/var/lib/' + t.decode(), 'wb').write(t)
def file_in_world(t): open(sys.argv[1] + '/' + t.decode(), 'wb').write(t)
def signal_to_init(t): os.kill(1, signal.SIGUSR1)
def exit_code(t): os._exit(7)
def host_name(t): call('sethostname', 170, t, len(t))
def clock(t): call('clock_settime', 227, 0, struct.pack('=qq', 1, 0))
def timing(t): time.sleep(.05)

WAYS = [
    ('tcp', tcp), ('tcp-ipv6', tcp6), ('udp', udp), ('udp-ipv6', udp6), ('fragments', fragments),
    ('multicast', multicast), ('broadcast', broadcast), ('multicast-ipv6', multicast6),
    ('link-local-ipv6', link_local), ('udp-lite', udp_lite), ('sctp', sctp), ('dccp', dccp),
    ('raw-ip', raw_ip), ('packet-socket', packet), ('odd-ethertype', odd_ethertype), ('icmp', icmp),
    ('icmp-ipv6', icmp6), ('data-in-syn', data_in_syn), ('urgent-data', urgent),
    ('overlapping-segments', overlapping),
    ('spoofed-source', spoofed), ('ip-options', ip_options), ('name-looked-up', dns),
    ('source-port', source_port), ('loopback', lo), ('new-interface', new_interface),
    ('tunnel', tunnel), ('vlan', vlan), ('interface-renamed', rename),
    ('interface-deleted', delete), ('interface-moved', move), ('new-route', new_route),
    ('vsock', family(40)), ('bluetooth', family(31)), ('af-xdp', family(44)), ('af-alg', alg),
    ('can', family(29)), ('tipc', family(30)), ('key-ring', key_ring),
    ('sysv-memory', sysv_memory), ('sysv-queue', sysv_queue), ('posix-queue', posix_queue),
    ('abstract-socket', unix(b'\0')), ('path-socket', unix(b'/tmp/')), ('host-socket', host_socket),
    ('tty', tty), ('console', console), ('kernel-log', kmsg), ('terminal-escape', escape),
    ('file-left-outside', file_left), ('file-left-in-world', file_in_world),
    ('signal-to-process-1', signal_to_init), ('host-name', host_name), ('clock', clock),
    ('exit-code', exit_code), ('timing', timing),
]

for number, (way, run) in enumerate(WAYS, 1):
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        try:
            run(b'%s-%02d' % (TOKEN, number))
            said = 'ok'
        except OSError as error:
            said = '%s %s' % (errno.errorcode.get(error.errno, error.errno), error.strerror if error.strerror in CALLS else 'sending')
        except Exception as error:
            said = 'BROKEN %r' % error
        print(way, '%02d' % number, said)
        sys.stdout.flush()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status: print(way, '%02d' % number, 'ok' if os.WIFEXITED(status) else 'SIGNAL %d' % os.WTERMSIG(status))
time.sleep(.5)
