use strict;
use warnings;
use Check;
use File::Temp;
use IO::Handle;
use Snip::Store;

my $directory = File::Temp->newdir;
my $store = Snip::Store->open("$directory/links");
is($store->count, 0, 'a new store is empty');
is($store->add('http://a/'), 0, 'numbers begin at 0');
is($store->add('http://b/'), 1, 'and go up');
is($store->add('http://a/'), 0, 'a known target keeps its number');
is($store->count, 2, 'and is not counted twice');
is($store->target(1), 'http://b/', 'a target is found by number');
is($store->target(2), undef, 'an unknown number has none');

my $again = Snip::Store->open("$directory/links");
is($again->count, 2, 'a store opened again holds what was added');
is($again->add('http://b/'), 1, 'under the same numbers');
done();
