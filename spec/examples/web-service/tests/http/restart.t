use strict;
use warnings;
use Check;
use Service;

my $service = Service->start;
$service->ask('POST', '/links', 'https://example.org/kept');
$service->restart;
is(($service->ask('GET', '/0'))[1]{location}, 'https://example.org/kept', 'links outlive the process');
done();
