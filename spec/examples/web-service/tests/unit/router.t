use strict;
use warnings;
use Check;
use File::Temp;
use IO::Handle;
use Snip::Router;
use Snip::Store;

my $directory = File::Temp->newdir;
my $store = Snip::Store->open("$directory/links");

sub first_line {
    my ($method, $path, $body) = @_;
    my $answer = Snip::Router::answer({ method => $method, path => $path, body => $body // '' }, $store);
    return (split /\r\n/, $answer)[0];
}

is(first_line('GET', '/health'), 'HTTP/1.1 200 OK', 'health is asked with GET');
is(first_line('POST', '/links', 'https://example.org/'), 'HTTP/1.1 201 Created', 'a link is made');
is(first_line('POST', '/links', 'ftp://example.org/'), 'HTTP/1.1 400 Bad Request', 'only of the web');
is(first_line('GET', '/0'), 'HTTP/1.1 302 Found', 'and followed');
is(first_line('GET', '/1'), 'HTTP/1.1 404 Not Found', 'a free code leads nowhere');
is(first_line('GET', '/links'), 'HTTP/1.1 405 Method Not Allowed', 'links are not listed');
is(first_line('DELETE', '/0'), 'HTTP/1.1 405 Method Not Allowed', 'nor deleted');
done();
