"""`python -m bongsu.monitoring.dashboards` writes the JSON that Grafana provisions."""

from bongsu.monitoring.dashboards.boards import DIRECTORY, rendered


def main() -> None:
    for name, text in rendered().items():
        (DIRECTORY / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
