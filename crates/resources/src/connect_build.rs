//! Plug-ins of Kafka Connect: built into an image or mounted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::container_resources::ContainerResources;

/// Connector plug-ins to build into an image.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Build {
    /// Where the image goes.
    pub output: BuildOutput,
    /// The plug-ins.
    pub plugins: Vec<BuildPlugin>,
    /// Processor time and memory for building.
    pub resources: Option<ContainerResources>,
}

/// Where a built image goes.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildOutput {
    /// A registry, or an OpenShift image stream.
    #[serde(rename = "type")]
    pub kind: BuildOutputType,
    /// The image's name.
    pub image: String,
    /// The Secret for pushing it.
    pub push_secret: Option<String>,
    /// More options for building.
    pub additional_build_options: Option<Vec<String>>,
    /// More options for pushing.
    pub additional_push_options: Option<Vec<String>>,
}

/// A plug-in to build in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct BuildPlugin {
    /// Its name; the directory is called so.
    #[schemars(regex(pattern = r"^[a-z0-9][-_a-z0-9]*[a-z0-9]$"))]
    pub name: String,
    /// What it is made of.
    pub artifacts: Vec<BuildArtifact>,
}

/// A part of a plug-in.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildArtifact {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ArtifactType,
    /// Where to get it.
    #[schemars(regex(
        pattern = r"^(https?|ftp)://[-a-zA-Z0-9+&@#/%?=~_|!:,.;]*[-a-zA-Z0-9+&@#/%=~_|]$"
    ))]
    pub url: Option<String>,
    /// The checksum that it must have.
    pub sha512sum: Option<String>,
    /// Whether TLS certificates go unchecked. Default false.
    pub insecure: Option<bool>,
    /// With type `other`: what to call the file.
    pub file_name: Option<String>,
    /// With type `maven`: the group id.
    pub group: Option<String>,
    /// With type `maven`: the artifact id.
    pub artifact: Option<String>,
    /// With type `maven`: the version.
    pub version: Option<String>,
    /// With type `maven`: the repository.
    pub repository: Option<String>,
    /// With type `maven`: the scope of dependencies to take along.
    pub include_scope: Option<MavenScope>,
    /// With type `maven`: repositories to try instead.
    pub mirrors: Option<Vec<MavenMirror>>,
}

/// A repository to try instead.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct MavenMirror {
    /// Where it is.
    pub url: String,
}

/// A plug-in to mount.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct MountedPlugin {
    /// Its name; the directory is called so.
    #[schemars(regex(pattern = r"^[a-z0-9][-_a-z0-9]*[a-z0-9]$"))]
    pub name: String,
    /// The images that hold it.
    pub artifacts: Vec<MountedArtifact>,
}

/// An image that holds a plug-in.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MountedArtifact {
    /// Always `image`.
    #[serde(rename = "type")]
    pub kind: MountedArtifactType,
    /// The image.
    pub reference: String,
    /// When to pull it.
    pub pull_policy: Option<String>,
}

/// Where a built image goes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum BuildOutputType {
    /// A container registry.
    Docker,
    /// An OpenShift image stream.
    ImageStream,
}

/// What a part of a plug-in is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactType {
    /// A jar.
    Jar,
    /// A tar archive.
    Tgz,
    /// A zip archive.
    Zip,
    /// A Maven artifact.
    Maven,
    /// Some other file.
    Other,
}

/// A scope of Maven dependencies.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum MavenScope {
    /// Compile.
    Compile,
    /// Provided.
    Provided,
    /// Runtime.
    Runtime,
    /// Test.
    Test,
    /// System.
    System,
}

/// What holds a mounted plug-in.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum MountedArtifactType {
    /// An image.
    Image,
}
