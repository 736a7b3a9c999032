//! What the process of a machine is told to do with it. It has one, and ends with it.

use super::channel;
use super::devices::MadeDevices;
use super::protocol::{Answer, Fault, News, Order};
use crate::kvm::boot::{BootImage, BootImages};
use crate::kvm::devices::disk::{Delta, Disk};
use crate::kvm::error::MachineError;
use crate::kvm::hypervisor::Hypervisor;
use crate::kvm::jail::{Confinement, Role};
use crate::kvm::machine::{Blank, Shape, VirtualMachine};
use crate::kvm::snapshot::{Begun, Snapshot, file};
use crate::kvm::vcpu::Control;
use crate::sys::virtual_machine::DirtyLog;
use crate::sys::{leave, let_go};
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How long is waited for the machine's end at a time.
const LONG: Duration = Duration::from_hours(1);

/// What a process is called that has no machine yet, and one that has.
const WAITING: &CStr = c"layerc-spare";
const SERVING: &CStr = c"layerc-machine";

/// The machine and what is frozen with it.
struct Served {
    machine: VirtualMachine,
    disk: Option<Arc<Disk>>,
    /// A snapshot that was begun.
    begun: Option<Begun>,
}

/// Open files that came with an order, taken one by one.
type Files = std::vec::IntoIter<OwnedFd>;

/// Does what it is told until nobody is there to tell it.
///
/// # Errors
/// When whoever tells it can't be understood or answered.
pub(super) fn serve(orders: &OwnedFd, news: OwnedFd, page_facts: Option<File>) -> io::Result<()> {
    let Some(made) = first_orders(orders, page_facts)? else { return Ok(()) };
    let mut served = match made {
        Ok(served) => served,
        Err(error) => return channel::send(orders, Answer::Failed(error.into()), &[]),
    };
    // Its guest runs, and nobody has to wait for the rest.
    channel::send(orders, Answer::Done, &[])?;
    watch(Arc::clone(&served.machine.control), news).map_err(io::Error::other)?;
    // Threads that it needs it has by now.
    Confinement::of(Role::Steering)?.enter()?;
    // Most of what the start needed is needed never again.
    let_go();
    while let Some((order, descriptors)) = channel::receive::<Order>(orders)? {
        let done = served.obey(order, descriptors.into_iter());
        let answer =
            done.map_or_else(|error| Answer::Failed(Fault::from(error)), |()| Answer::Done);
        channel::send(orders, answer, &[])?;
    }
    // Without its threads: nobody waits for them any more.
    leave(0)
}

/// The first order makes the machine, or the first two. `None` when nobody wants one.
fn first_orders(
    orders: &OwnedFd,
    page_facts: Option<File>,
) -> io::Result<Option<Result<Served, MachineError>>> {
    let Some((order, descriptors)) = channel::receive::<Order>(orders)? else { return Ok(None) };
    let files = descriptors.into_iter();
    let Order::Prepare(shape) = order else {
        name_process(SERVING);
        return Ok(Some(boot(order, files, page_facts)));
    };
    name_process(WAITING);
    let blank = match prepare(shape, files, page_facts) {
        Ok(blank) => blank,
        Err(error) => return Ok(Some(Err(error))),
    };
    channel::send(orders, Answer::Done, &[])?;
    let Some((order, descriptors)) = channel::receive::<Order>(orders)? else { return Ok(None) };
    name_process(SERVING);
    Ok(Some(restore(order, descriptors.into_iter(), blank)))
}

/// For whoever lists processes.
fn name_process(name: &CStr) {
    // It works under any name.
    let _ = rustix::thread::set_name(name);
}

fn prepare(
    shape: Shape,
    mut files: Files,
    page_facts: Option<File>,
) -> Result<Blank, MachineError> {
    Blank::new(Hypervisor::of(next(&mut files)?, page_facts), shape, DirtyLog::Kept)
}

fn boot(order: Order, mut files: Files, page_facts: Option<File>) -> Result<Served, MachineError> {
    let Order::Boot { shape, command_line, names, devices } = order else { return Err(unknown()) };
    let hypervisor = Hypervisor::of(next(&mut files)?, page_facts);
    let mut images = Vec::new();
    for name in names {
        images.push(BootImage { file: next(&mut files)?.into(), name });
    }
    let mut images = images.into_iter();
    let kernel = images.next().ok_or_else(unknown)?;
    let images = BootImages { kernel, initramfs: images.next(), command_line };
    let MadeDevices { parts, disk } = made_devices(devices, files)?;
    let output = Box::new(io::stderr());
    let machine = VirtualMachine::boot_with(hypervisor, shape, &images, parts, output)?;
    Ok(Served { machine, disk, begun: None })
}

fn restore(order: Order, mut files: Files, blank: Blank) -> Result<Served, MachineError> {
    let Order::Restore { memory_files, devices } = order else { return Err(unknown()) };
    let state = next(&mut files)?.into();
    let memory: Result<_, _> =
        (0..memory_files).map(|_| next(&mut files).map(File::from)).collect();
    let snapshot = Snapshot::of(state, memory?)?;
    let MadeDevices { parts, disk } = made_devices(devices, files)?;
    let machine = snapshot.restore_in(blank, parts, Box::new(io::stderr()))?;
    machine.resume();
    Ok(Served { machine, disk, begun: None })
}

fn made_devices(
    orders: Vec<super::devices::DeviceOrder>,
    files: Files,
) -> Result<MadeDevices, MachineError> {
    MadeDevices::of(orders, files).map_err(MachineError::system("take over a machine's devices"))
}

fn next(files: &mut Files) -> Result<OwnedFd, MachineError> {
    files.next().ok_or_else(unknown)
}

fn unknown() -> MachineError {
    MachineError::Process("the machine's process was told something that it can't do".to_owned())
}

/// Tells of the machine's end, however it comes, and ends the process with all that is in it.
fn watch(control: Arc<Control>, news: OwnedFd) -> Result<(), MachineError> {
    let watching = MachineError::system("watch over a machine");
    let confinement = Confinement::of(Role::Device).map_err(watching)?;
    let wait = move || {
        if confinement.enter().is_err() {
            leave(1);
        }
        let end = loop {
            if let Some(end) = control.wait_for_end(LONG) {
                break end;
            }
        };
        // Nobody may be there to hear it.
        let _ = channel::send(&news, News::from(end), &[]);
        leave(0)
    };
    let thread = thread::Builder::new().name("end".to_owned()).spawn(wait);
    thread.map(drop).map_err(MachineError::system("watch over a machine"))
}

impl Served {
    fn obey(&mut self, order: Order, mut files: Files) -> Result<(), MachineError> {
        match order {
            Order::Pause => self.machine.pause(),
            Order::Resume => {
                self.machine.resume();
                Ok(())
            }
            Order::FreezeDisk(secrecy) => {
                let disk = self.disk.as_ref().ok_or_else(unknown)?;
                let written = Delta::open(next(&mut files)?.into(), &secrecy);
                let frozen = written.and_then(|written| disk.freeze(written)).map(drop);
                frozen.map_err(MachineError::system("freeze the disk of a machine"))
            }
            Order::MoveDisk(secrecy) => {
                let disk = self.disk.as_ref().ok_or_else(unknown)?;
                let written = Delta::open(next(&mut files)?.into(), &secrecy);
                let moved = written.and_then(|written| disk.move_written(written));
                moved.map_err(MachineError::system("encrypt the disk of a machine"))
            }
            Order::BeginKeeping(secrecy) => {
                let memory = next(&mut files)?.into();
                self.begun = Some(self.machine.begin_keeping(memory, &secrecy)?);
                Ok(())
            }
            Order::FinishKeeping { name } => {
                let begun = self.begun.take().ok_or_else(unknown)?;
                let (_, state) = self.machine.finish_keeping(begun, &name)?;
                file::write_open(&File::from(next(&mut files)?), &state)?;
                self.machine.goes_on_from(state);
                Ok(())
            }
            Order::Trespass => {
                if File::open("/").is_ok() {
                    return Ok(());
                }
                // Nobody is reached by this: making a socket is what is forbidden.
                let made = std::os::unix::net::UnixDatagram::unbound().map(drop);
                made.map_err(MachineError::system("make a socket"))
            }
            Order::Boot { .. } | Order::Prepare(_) | Order::Restore { .. } => Err(unknown()),
        }
    }
}
