//! The node agent against the embedded control plane, with small programs of this machine as containers.

#[cfg(test)]
mod it {
    pub(crate) mod rig;

    mod adoption;
    mod homes;
    mod lifecycle;
    mod network;
    mod order;
    mod reference;
    mod shortage;
    mod streams;
    mod volumes;
}
