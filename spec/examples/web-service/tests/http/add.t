use strict;
use warnings;
use Check;
use Service;

my $service = Service->start;
my ($status, undef, $code) = $service->ask('POST', '/links', 'https://example.org/a');
is($status, 201, 'a link is made');
is($code, '/0', 'with the first code');
is(($service->ask('POST', '/links', 'https://example.org/b'))[2], '/1', 'the next one gets the next');
is(($service->ask('POST', '/links', 'https://example.org/a'))[2], '/0', 'a known one is found again');
done();
