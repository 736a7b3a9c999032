use strict;
use warnings;
use Check;
use Service;

my $service = Service->start;
for my $bytes ("\r\n", "GET\r\n\r\n", "\x00\x01\x02\n", 'x' x 10_000, "POST /links HTTP/1.1\r\nContent-Length: -1\r\n\r\n") {
    my $shown = substr $bytes =~ s/[^ -~]/./gr, 0, 20;
    ok($service->exchange($bytes) =~ m{^HTTP/1\.1 400 }, "'$shown' is refused");
}
is(($service->ask('GET', '/health'))[0], 200, 'and the service is still well');
done();
