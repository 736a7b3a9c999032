use strict;
use warnings;
use Check;
use Service;

my $service = Service->start;
$service->ask('POST', '/links', 'https://example.org/?q=1&r=2');
my ($status, $headers) = $service->ask('GET', '/0');
is($status, 302, 'a code is followed');
is($headers->{location}, 'https://example.org/?q=1&r=2', 'to the whole target');
is(($service->ask('GET', '/7'))[0], 404, 'a free code leads nowhere');
done();
