import "./page.css";
import "./app/reasondiff-studio";
