use strict;
use warnings;
use Check;
use Snip::Request;

sub request {
    my ($bytes) = @_;
    open my $connection, '<', \$bytes or die $!;
    return Snip::Request->read($connection);
}

is(request("GET /a HTTP/1.1\r\n\r\n")->{path}, '/a', 'a path is read');
is(request("GET /a HTTP/1.0\n\n")->{method}, 'GET', 'bare line feeds are accepted');
is(request("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")->{body}, 'abc', 'a body is read');
is(request("GET /a HTTP/1.1\r\nX-Y: z\r\n\r\n")->{headers}{'x-y'}, 'z', 'header names lose their case');
is(request("GET /a\r\n\r\n"), undef, 'no version, no request');
is(request("GET a HTTP/1.1\r\n\r\n"), undef, 'a path starts with a slash');
is(request("GET /a HTTP/1.1\r\n"), undef, 'an unfinished head is no request');
is(request("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"), undef, 'a short body is no request');
is(request("POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n"), undef, 'a large body is refused unread');
is(request('GET /' . 'a' x 5000 . " HTTP/1.1\r\n\r\n"), undef, 'a long line is refused');
done();
