"""Every error this package raises on purpose.

StiltwalkError
├── RecipeError         the recipe file asks for something that does not exist
├── DataError           a data file is missing, altered, or not in the expected format
├── ModelError          a model folder is missing, incomplete, or of an unknown family
│   └── NotFinite       what a model computed are no numbers any more
├── MetricError         a metric was given inputs it is not defined on
├── WorkspaceError      the workspace is in use, full, or altered
│   └── NoSuchRun       the folder that was given holds no run, or cannot be used for one
├── ClusterError        the Ray cluster cannot be reached, or not be used
├── EndpointError       a server does not answer, or not as it should
├── ProcessLost         a process that was begun here ended without a result
├── TrainingDiverged    the loss stopped being finite
└── StagesFailed        some stages of a run failed while the others went on

Exit code 1 for what ends a run (WorkspaceError, ClusterError, EndpointError, ProcessLost,
TrainingDiverged, NotFinite, StagesFailed), 2 for the user's input: the others, NoSuchRun too.
"""


class StiltwalkError(Exception):
    """Base of the tree above; catch it to catch them all."""


class RecipeError(StiltwalkError):
    """The recipe file asks for something that does not exist."""


class DataError(StiltwalkError):
    """A data file is missing, altered, or not in the expected format."""


class ModelError(StiltwalkError):
    """A model folder is missing, incomplete, or of an unknown family."""


class NotFinite(ModelError):  # noqa: N818 - says it best
    """What a model computed are no numbers any more; `row` tells of which row, from 0."""

    def __init__(self, message: str, row: int = 0) -> None:
        """Say it of a row."""
        super().__init__(message)
        self.row = row


class MetricError(StiltwalkError):
    """A metric was given inputs it is not defined on."""


class WorkspaceError(StiltwalkError):
    """The workspace is in use, full, or altered."""


class NoSuchRun(WorkspaceError):  # noqa: N818 - says it best
    """The folder that was given holds no run, or cannot be used for one."""


class ClusterError(StiltwalkError):
    """The Ray cluster cannot be reached, or not be used."""


class EndpointError(StiltwalkError):
    """A server does not answer, or not as it should."""


class ProcessLost(StiltwalkError):  # noqa: N818 - says it best
    """A process that was begun here ended without a result."""


class TrainingDiverged(StiltwalkError):  # noqa: N818 - a state, and reads better in a log
    """The loss stopped being finite."""


class StagesFailed(StiltwalkError):  # noqa: N818 - says it best
    """Some stages of a run failed while the others went on; its notes list them."""


FAILURES = (
    WorkspaceError
    | ClusterError
    | EndpointError
    | ProcessLost
    | TrainingDiverged
    | StagesFailed
    | NotFinite
)
"""What can go well when tried again, so that no input is wrong; `NoSuchRun` apart."""
