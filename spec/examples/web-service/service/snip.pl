#!/usr/bin/perl
# snip: a link shortener. Links are added with POST /links and followed with GET /<code>.
#
#   snip.pl --port 8080 --store links.tsv
use strict;
use warnings;
use lib 'lib';    # when started from its own directory; a build needs none
use IO::Socket::INET;
use Snip::Request;
use Snip::Router;
use Snip::Store;

my %option = (port => $ENV{SNIP_PORT} || 8080, store => 'links.tsv');
while (my $word = shift @ARGV) {
    my ($name) = $word =~ /^--(port|store)$/ or die "unknown option '$word'; known: --port N, --store FILE\n";
    $option{$name} = shift @ARGV // die "--$name needs a value\n";
}

my $store = Snip::Store->open($option{store});
my $listener = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => $option{port}, Listen => 64, ReuseAddr => 1,
) or die "cannot listen on port $option{port}: $!\n";
$| = 1;
print "snip listens on port $option{port}\n";

# One request at a time: a shortener answers in microseconds, and one process keeps the store simple.
while (my $connection = $listener->accept) {
    $connection->timeout(5);
    my $request = Snip::Request->read($connection);
    print {$connection} $request ? Snip::Router::answer($request, $store) : Snip::Router::bad_request();
    close $connection;
}
