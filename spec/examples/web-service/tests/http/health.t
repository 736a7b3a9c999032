use strict;
use warnings;
use Check;
use Service;

my $service = Service->start;
my ($status, undef, $text) = $service->ask('GET', '/health');
is($status, 200, 'the service is well');
is($text, "snip $ENV{SNIP_VERSION} is well, with 0 links", 'and says which it is');
done();
