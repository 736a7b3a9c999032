# The links: an append-only file of targets, one a line; a link's number is its line. Adding a known target finds it again.
package Snip::Store;
use strict;
use warnings;

sub open {
    my ($class, $path) = @_;
    my $self = bless { path => $path, targets => [], number_of => {} }, $class;
    if (-e $path) {
        CORE::open(my $file, '<', $path) or die "cannot read the store '$path': $!\n";
        while (my $target = <$file>) {
            chomp $target;
            $self->_remember($target);
        }
    }
    CORE::open($self->{file}, '>>', $path) or die "cannot write the store '$path': $!\n";
    $self->{file}->autoflush(1);
    return $self;
}

sub add {
    my ($self, $target) = @_;
    return $self->{number_of}{$target} if exists $self->{number_of}{$target};
    print { $self->{file} } "$target\n" or die "cannot write the store '$self->{path}': $!\n";
    return $self->_remember($target);
}

sub target {
    my ($self, $number) = @_;
    return $self->{targets}[$number];
}

sub count {
    my ($self) = @_;
    return scalar @{ $self->{targets} };
}

sub _remember {
    my ($self, $target) = @_;
    push @{ $self->{targets} }, $target;
    return $self->{number_of}{$target} = $#{ $self->{targets} };
}

1;
