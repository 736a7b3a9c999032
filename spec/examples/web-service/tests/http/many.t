use strict;
use warnings;
use Check;
use Service;

my $service = Service->start;
my @codes = map { ($service->ask('POST', '/links', "http://example.org/$_"))[2] } 0 .. 99;
is($codes[62], '/10', 'the 63rd link has two digits');
my %distinct = map { $_ => 1 } @codes;
is(scalar keys %distinct, 100, 'a hundred links have a hundred codes');
my $wrong = grep { ($service->ask('GET', $codes[$_]))[1]{location} ne "http://example.org/$_" } 0 .. 99;
is($wrong, 0, 'and each leads to its own target');
done();
